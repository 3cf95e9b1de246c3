#include "ops/opcase.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "ops/tuned.h"
#include "device/source.h"

static const size_t count_limit = (size_t)1 << 28; /* elements of one input */
static const double tiny_flops = 3e5, tiny_elements = 8192;

/* ---- syntax -------------------------------------------------------------------------------------- */

static enum sanl_status fail_case(const struct sanl_op *op, const char *text, const char *what)
{
    return sanl_fail(SANL_ERR_USAGE, "%s: case '%s': %s", op->name, text, what);
}

/* One n,h,w,c; *at moves behind it. */
static bool read_shape(struct sanl_shape *shape, const char **at)
{
    int size[4];
    size_t count = 1;
    for (int i = 0; i < 4; i++) {
        char *end;
        long value = strtol(*at, &end, 10);
        if (end == *at || value < 0 || value > (long)count_limit)
            return false;
        if (i < 3 && *end++ != ',')
            return false;
        count *= (size_t)value;
        if (count > count_limit)
            return false;
        size[i] = (int)value;
        *at = end;
    }
    *shape = (struct sanl_shape){size[0], size[1], size[2], size[3]};
    return true;
}

static bool read_inputs(struct sanl_op_call *call, const char *at)
{
    call->in_count = 0;
    do {
        if (call->in_count == SANL_OP_IN || !read_shape(&call->in_shape[call->in_count], &at))
            return false;
        call->in_count++;
    } while (*at++ == ';');
    return at[-1] == '\0';
}

static int find_attr(const struct sanl_op *op, const char *name)
{
    for (int i = 0; i < SANL_OP_ATTR && op->attr[i].name; i++)
        if (strcmp(op->attr[i].name, name) == 0)
            return i;
    return -1;
}

static bool read_number(struct sanl_opcase *out, const char *name, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0')
        return false;
    int attr = find_attr(out->call.op, name);
    if (attr >= 0)
        out->call.attr[attr] = value;
    else if (strcmp(name, "train") == 0)
        out->call.training = value != 0;
    else if (strcmp(name, "noparam") == 0)
        out->call.no_param_grad = value != 0;
    else if (strcmp(name, "refuse") == 0)
        out->refuse = value != 0;
    else if (strcmp(name, "choices") == 0)
        out->choices = value != 0;
    else
        return false;
    return true;
}

/* In all directions that it suits. */
static bool read_choice(struct sanl_op_call *call, const char *name)
{
    const int choice = call->op->choice_name ? sanl_choice_named(call->op, name) : 0;
    for (int i = 0; i < SANL_OP_CHOICES; i++)
        call->choice[i] = choice;
    return choice > 0;
}

enum sanl_status sanl_opcase_parse(struct sanl_opcase *out, const struct sanl_op *op, const char *text)
{
    char copy[SANL_CASE_BYTES], *rest = NULL;
    if (strlen(text) >= sizeof copy)
        return fail_case(op, text, "longer than 255 bytes");
    strcpy(copy, text);

    *out = (struct sanl_opcase){.call = sanl_op_call_of(op)};
    out->call.training = true;
    for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        char *value = strchr(word, '=');
        if (!value)
            return fail_case(op, text, "expected words of the form name=value");
        *value++ = '\0';
        bool good = strcmp(word, "in") == 0       ? read_inputs(&out->call, value)
                    : strcmp(word, "choice") == 0 ? read_choice(&out->call, value)
                                                  : read_number(out, word, value);
        if (!good)
            return sanl_fail(
                SANL_ERR_USAGE,
                "%s: case '%s': '%s=%s' is neither in=N,H,W,C;... of at most 2^28 elements each nor "
                "choice=NAME of its kernels nor a number for an attribute of %s or for train, noparam, "
                "refuse, choices",
                op->name, text, word, value, op->name);
    }
    if (out->call.in_count == 0)
        return fail_case(op, text, "expected the inputs' shapes, in=N,H,W,C;...");
    return SANL_OK;
}

const char *sanl_opcase_file(const struct sanl_op *op)
{
    for (const struct sanl_source *source = sanl_cases; source->name; source++)
        if (strcmp(source->name, op->name) == 0)
            return source->text;
    return NULL;
}

bool sanl_opcase_next(char text[SANL_CASE_BYTES], const char **cursor)
{
    while (**cursor) {
        const char *line = *cursor;
        size_t length = strcspn(line, "\n"), used = 0;
        *cursor = line + length + (line[length] == '\n');
        length = strcspn(line, "#\n");
        size_t blanks = strspn(line, " \t\r");
        for (size_t i = blanks; i < length && used + 1 < SANL_CASE_BYTES; i++)
            text[used++] = line[i];
        while (used > 0 && strchr(" \t\r", text[used - 1]))
            used--;
        text[used] = '\0';
        if (used > 0)
            return true;
    }
    return false;
}

/* ---- size ---------------------------------------------------------------------------------------- */

double sanl_opcase_flops(const struct sanl_op_call *call)
{
    double flops = call->op->cost ? call->op->cost(call, SANL_FORWARD).flops : 0;
    for (int i = 0; i < call->in_count; i++)
        flops = fmax(flops, (double)sanl_shape_count(call->in_shape[i]));
    for (int i = 0; i < call->out_count; i++)
        flops = fmax(flops, (double)sanl_shape_count(call->out_shape[i]));
    return flops;
}

bool sanl_opcase_is_tiny(const struct sanl_op *op, const char *text)
{
    struct sanl_opcase parsed;
    if (sanl_opcase_parse(&parsed, op, text) != SANL_OK || parsed.refuse ||
        op->infer(&parsed.call, NULL) != SANL_OK)
        return true; /* nothing runs */
    double elements = 0;
    for (int i = 0; i < parsed.call.in_count; i++)
        elements += (double)sanl_shape_count(parsed.call.in_shape[i]);
    for (int i = 0; i < parsed.call.out_count; i++)
        elements += (double)sanl_shape_count(parsed.call.out_shape[i]);
    return elements <= tiny_elements && sanl_opcase_flops(&parsed.call) <= tiny_flops;
}

/* ---- contents ------------------------------------------------------------------------------------ */

void sanl_opcase_fill_normal(double *values, size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)sanl_random_normal(key, i);
}

/* A random order of the multiples of a step of at least 1e-3 around 0. */
static void fill_distinct(double *values, size_t count, uint64_t key)
{
    double step = fmax(1e-3, 4.0 / (double)count);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(((double)i - 0.5 * (double)count) * step);
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)sanl_random_below(key, i, i);
        double other = values[j];
        values[j] = values[i - 1];
        values[i - 1] = other;
    }
}

/* x in even places, y in odd ones, within the picture that in[0] is the heatmap of. */
static void fill_pixel(const struct sanl_op_call *call, double *values, size_t count, uint64_t key)
{
    int attr = find_attr(call->op, "stride");
    double stride = attr < 0 ? 1 : call->attr[attr];
    for (size_t i = 0; i < count; i++) {
        int side = i % 2 == 0 ? call->in_shape[0].w : call->in_shape[0].h;
        values[i] = (float)(sanl_random_uniform(key, i) * side * stride);
    }
}

static void fill_class(const struct sanl_op_call *call, double *values, size_t count, uint64_t key)
{
    int attr = find_attr(call->op, "classes");
    double classes = attr < 0 ? call->in_shape[0].c : call->attr[attr];
    for (size_t i = 0; i < count; i++)
        values[i] = (double)sanl_random_below(key, i, (uint64_t)fmax(1, classes));
}

void sanl_opcase_fill_tensor(const struct sanl_op_call *call, enum sanl_fill kind, double *values,
                             size_t count, uint64_t key)
{
    switch (kind) {
    case SANL_FILL_NORMAL:
        sanl_opcase_fill_normal(values, count, key);
        break;
    case SANL_FILL_UNIT:
    case SANL_FILL_POSITIVE:
        for (size_t i = 0; i < count; i++)
            values[i] = (float)(sanl_random_uniform(key, i) + (kind == SANL_FILL_POSITIVE ? 0.5 : 0));
        break;
    case SANL_FILL_MASK:
        for (size_t i = 0; i < count; i++)
            values[i] = (double)sanl_random_below(key, i, 2);
        break;
    case SANL_FILL_PIXEL:
        fill_pixel(call, values, count, key);
        break;
    case SANL_FILL_CLASS:
        fill_class(call, values, count, key);
        break;
    case SANL_FILL_BYTE:
        for (size_t i = 0; i < count; i++)
            values[i] = (double)sanl_random_below(key, i, 256);
        break;
    case SANL_FILL_DISTINCT:
        fill_distinct(values, count, key);
        break;
    case SANL_FILL_OWN:
        break;
    }
}

void sanl_opcase_fill(const struct sanl_op_call *call, const struct sanl_op_host *host, uint64_t key)
{
    const struct sanl_op *op = call->op;
    for (int i = 0; i < call->in_count; i++)
        sanl_opcase_fill_tensor(call, op->in_fill[i], host->in[i], sanl_shape_count(call->in_shape[i]),
                                sanl_random_key(key, 1, (uint64_t)i, 0));
    for (int i = 0; i < call->param_count; i++)
        sanl_opcase_fill_tensor(call, op->param_fill[i], host->param[i],
                                sanl_shape_count(call->param_shape[i]),
                                sanl_random_key(key, 2, (uint64_t)i, 0));
    for (int i = 0; i < call->state_count; i++)
        sanl_opcase_fill_tensor(call, op->state_fill[i], host->state[i],
                                sanl_shape_count(call->state_shape[i]),
                                sanl_random_key(key, 3, (uint64_t)i, 0));
    if (op->fill)
        op->fill(call, host, sanl_random_key(key, 4, 0, 0));
}
