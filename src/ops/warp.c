/* Pictures to network input: in[0] packed 8-bit RGB pixels of all samples, rows from the top, as raw bytes in
 * a buffer of (1,1,1,ceil(bytes/4)) floats; in[1] (n,1,1,12), for each sample
 *     0 byte offset of its picture, the bits of a uint32   1, 2 width, height
 *     3..8 a b c d e f: output pixel (x, y) stands at x_src = a x + b y + c, y_src = d x + e y + f
 *     9, 10 gain, bias   11 unused
 * -> (n,size,size,3) = (clamp(gain v / 255 + bias, 0, 1) - mean) / std of ImageNet, v bilinear with pixel
 * centres at integers and edges repeated. A sample whose table is zero has no picture, and its output is 0.
 */
#include <math.h>
#include <string.h>
#include "base/random.h"
#include "ops/op.h"

enum { SIZE };
enum { OFFSET, WIDTH, HEIGHT, AFFINE, GAIN = 9, BIAS, TABLE = 12 };

const double sanl_image_mean[3] = {0.485, 0.456, 0.406}, sanl_image_deviation[3] = {0.229, 0.224, 0.225};

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 2, "expected the inputs pixels and table");
    struct sanl_shape table = call->in_shape[1];
    SANL_OP_REQUIRE(call, sanl_shape_count(call->in_shape[0]) > 0, "no pixels");
    SANL_OP_REQUIRE(call, table.n > 0 && table.h == 1 && table.w == 1 && table.c == TABLE,
                    "expected a table (n,1,1,%d), found (%d,%d,%d,%d)", TABLE, table.n, table.h, table.w,
                    table.c);
    int size = (int)call->attr[SIZE];
    SANL_OP_REQUIRE(call, size >= 1 && size <= 16384, "size must be in [1, 16384], found %g",
                    call->attr[SIZE]);
    call->out_count = 1;
    call->out_shape[0] = (struct sanl_shape){table.n, size, size, 3};
    call->param_count = call->state_count = call->saved_count = 0;
    call->workspace_bytes = 0;
    return SANL_OK;
}

/* Reinterpretations; the values are no NaN, so that they pass through double unchanged. */
static uint32_t bits_of(double value)
{
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static double of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static double byte_at(const double *pixels, size_t at)
{
    uint32_t bits = bits_of(pixels[at / 4]);
    unsigned char bytes[4];
    memcpy(bytes, &bits, sizeof bytes);
    return bytes[at % 4];
}

/* Channel k of the picture that `table` describes at (x, y). */
static double sample(const double *pixels, const double *table, double x, double y, int k)
{
    const size_t offset = bits_of(table[OFFSET]), w = (size_t)table[WIDTH], h = (size_t)table[HEIGHT];
    x = fmin(fmax(x, 0), (double)w - 1);
    y = fmin(fmax(y, 0), (double)h - 1);
    size_t x0 = (size_t)x, y0 = (size_t)y, x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
    double u = x - (double)x0, v = y - (double)y0;
    double top = (1 - u) * byte_at(pixels, offset + 3 * (y0 * w + x0) + (size_t)k) +
                 u * byte_at(pixels, offset + 3 * (y0 * w + x1) + (size_t)k);
    double bottom = (1 - u) * byte_at(pixels, offset + 3 * (y1 * w + x0) + (size_t)k) +
                    u * byte_at(pixels, offset + 3 * (y1 * w + x1) + (size_t)k);
    return (1 - v) * top + v * bottom;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const int size = call->out_shape[0].w;
    double *out = host->out[0];
    for (int n = 0; n < call->out_shape[0].n; n++) {
        const double *table = host->in[1] + n * TABLE, *m = table + AFFINE;
        if (table[WIDTH] < 1 || table[HEIGHT] < 1) {
            for (int i = 0; i < size * size * 3; i++)
                *out++ = 0;
            continue;
        }
        for (int y = 0; y < size; y++)
            for (int x = 0; x < size; x++)
                for (int k = 0; k < 3; k++) {
                    double v =
                        sample(host->in[0], table, m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5], k);
                    v = fmin(fmax(v / 255 * table[GAIN] + table[BIAS], 0), 1);
                    *out++ = (v - sanl_image_mean[k]) / sanl_image_deviation[k];
                }
    }
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape s = call->out_shape[0];
    const struct sanl_range range = {.global = {(size_t)s.w, (size_t)s.h, (size_t)s.n}};
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "warp", "warp", ""));
    return sanl_launch(device, kernel, range, "bbbiffffff", call->in[0], call->in[1], call->out[0], s.w,
                       sanl_image_mean[0], sanl_image_mean[1], sanl_image_mean[2],
                       1 / sanl_image_deviation[0], 1 / sanl_image_deviation[1], 1 / sanl_image_deviation[2]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    double count = (double)sanl_shape_count(call->out_shape[0]);
    (void)direction;
    return (struct sanl_op_cost){.flops = 12 * count,
                                 .bytes = 4 * (count + (double)sanl_shape_count(call->in_shape[0]))};
}

/* Noise; the third sample empty, the others with pictures of an equal share of the bytes each; maps that
 * shrink or enlarge, turn and leave the frame.
 */
static void fill(const struct sanl_op_call *call, const struct sanl_op_host *host, uint64_t seed)
{
    const size_t words = sanl_shape_count(call->in_shape[0]);
    for (size_t i = 0; i < words; i++) {
        uint32_t bits = (uint32_t)sanl_random_bits(seed, i);
        if ((bits & 0x7f800000) == 0x7f800000) /* no NaN, which loses its bits in double */
            bits ^= 0x00800000;
        host->in[0][i] = of_bits(bits);
    }
    const int count = call->in_shape[1].n;
    const double pixels = floor((double)words * 4 / 3 / count), share = 3 * pixels;
    for (int n = 0; n < count; n++) {
        uint64_t key = sanl_random_key(seed, 1, (uint64_t)n, 0);
        double *table = host->in[1] + n * TABLE, *m = table + AFFINE;
        double width = floor(fmax(1, sqrt(pixels) * (0.5 + sanl_random_uniform(key, 0)))),
               height = pixels / width;
        double zoom = width / call->attr[SIZE] * (0.5 + sanl_random_uniform(key, 1));
        table[OFFSET] = of_bits((uint32_t)(n * share));
        table[WIDTH] = width;
        table[HEIGHT] = fmax(1, floor(height));
        for (int i = 0; i < 6; i++) {
            double noise = sanl_random_uniform(key, (uint64_t)(2 + i)) - 0.5;
            m[i] = (float)(i % 3 == 2 ? 4 * noise : i == 0 || i == 4 ? zoom * (1 + noise) : zoom * noise);
        }
        table[GAIN] = (float)(0.5 + sanl_random_uniform(key, 8));
        table[BIAS] = (float)(0.4 * sanl_random_uniform(key, 9) - 0.2);
        table[TABLE - 1] = 0;
        for (int i = 0; n == 2 && i < TABLE; i++)
            table[i] = 0;
    }
}

const struct sanl_op sanl_op_warp = {
    .name = "warp",
    .attr = {{"size", 224}},
    .in_fill = {SANL_FILL_OWN, SANL_FILL_OWN},
    .tolerance = 1e-4, /* of positions in float, on noise from pixel to pixel */
    .infer = infer,
    .reference_forward = reference_forward,
    .forward = forward,
    .cost = cost,
    .fill = fill,
};
