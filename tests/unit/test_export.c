/* train/export.c: graphs whose parts fit together, files that are read back, bad requests; and, where a
 * Python with them is found ($SANLCL_PYTHON, else python3), ONNX Runtime and PyTorch run the exported files
 * against the goldens' and the program's own values. Everywhere, reference/onnx_graphs.txt names the graphs
 * that ONNX Runtime has run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <sanlcl/export.h>
#include <sanlcl/predict.h>
#include "base/memory.h"
#include "fixture.h"
#include "onnx_reader.h"
#include "model/onnx.h"
#include "model/safetensors.h"
#include "train/golden_case.h"

enum { PICTURES = 3, GOLDEN_CLASSES = 10, PATH_BYTES = 512 };

/* ---- cases --------------------------------------------------------------------------------------- */

/* A network with hashed weights: one of the goldens, or with overrides of the defaults, compared with what
 * the program predicts for pictures. */
static const struct {
    const char *name;
    const char *overrides[8];
} cases[] = {
    {"r18_none", {0}},
    {"r18_nonlocal", {0}},
    {"r18_sanl", {0}},
    {"r50_sanl", {0}},
    {"c18_sanl", {0}},
    {"c34_nonlocal", {0}},
    {"r18_key", {0}},
    {"r18_pyramid", {0}},
    {"c18_query", {0}},
    {"r18_top_coarse", {"model.backbone=resnet18", "cam.mode=top", "model.fine=false"}},
    {"r50_top", {"model.backbone=resnet50", "cam.mode=top"}},
    {"r18_uniform", {"model.backbone=resnet18", "cam.mode=uniform"}},
    {"r34_stage_coarse", {"model.backbone=resnet34", "model.fine=false"}},
    {"r50_nonlocal", {"model.backbone=resnet50", "model.block=nonlocal"}},
    {"classifier", {"task=classify", "model.backbone=resnet18", "model.classes=17"}},
};
enum { CASES = sizeof cases / sizeof *cases };

static void path_of(char path[PATH_BYTES], const char *name, const char *kind)
{
    snprintf(path, PATH_BYTES, "%s/%s.%s", fixture.root, name, kind);
}

/* The file that holds a golden's values; false: not a golden. */
static bool golden_of(char path[PATH_BYTES], int i)
{
    snprintf(path, PATH_BYTES, TEST_DIR "/reference/golden/%s.safetensors", cases[i].name);
    return !cases[i].overrides[0];
}

static void configure(struct sanl_config *config, uint64_t *seed, int i)
{
    char golden[PATH_BYTES];
    *seed = 7;
    if (golden_of(golden, i)) {
        struct sanl_golden_case of;
        struct sanl_tensors *file;
        assert_int_equal(sanl_tensors_open(&file, golden), SANL_OK);
        assert_int_equal(sanl_golden_case_read(&of, file, golden), SANL_OK);
        sanl_tensors_free(file);
        *config = of.config;
        *seed = of.seed;
        return;
    }
    const char *overrides[12] = {"model.width=16", "model.size=96", "eval.batch=4"};
    size_t count = 3;
    for (int k = 0; cases[i].overrides[k]; k++)
        overrides[count++] = cases[i].overrides[k];
    assert_int_equal(sanl_config_load(config, NULL, overrides, count), SANL_OK);
}

/* Writes the checkpoint of a case. */
static void make_checkpoint(char path[PATH_BYTES], int i)
{
    struct sanl_config config;
    struct sanl_network *network;
    uint64_t seed;
    path_of(path, cases[i].name, "safetensors");
    configure(&config, &seed, i);
    const struct sanl_weights_info info = {.config = &config, .epoch = 3};
    assert_int_equal(sanl_network_create_random(&network, &config, fixture.device, -1, GOLDEN_CLASSES),
                     SANL_OK);
    assert_int_equal(sanl_params_init_hashed(network->params, seed, 0), SANL_OK);
    if (network->classifier)
        assert_int_equal(sanl_params_init_hashed(network->classifier, seed + 1, 0), SANL_OK);
    assert_int_equal(sanl_weights_save(path, network->params, network->classifier, &info), SANL_OK);
    sanl_network_free(network);
}

static void export_to(const char *out, const char *weights, enum sanl_export_format format,
                      enum sanl_export_part part)
{
    const struct sanl_export_options options = {.format = format, .part = part};
    if (sanl_export(out, weights, &options) != SANL_OK)
        fail_msg("%s: %s", weights, sanl_error_message());
}

/* The program's own values for a few pictures, with all that is between. */
static void predict(const char *tensors, const char *weights)
{
    static char paths[PICTURES][160];
    struct sanl_predict_input inputs[PICTURES] = {{0}};
    struct sanl_predictor *predictor;
    struct sanl_predict_options options;
    for (int i = 0; i < PICTURES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/img/img_%08d.jpg", fixture.data, i + 1);
        inputs[i].path = paths[i];
    }
    sanl_predict_defaults(&options);
    options.maps = true;
    options.dump_tensors = tensors;
    assert_int_equal(sanl_predictor_create(&predictor, fixture.device, weights, NULL, 0), SANL_OK);
    assert_int_equal(sanl_predict(predictor, inputs, PICTURES, &options, NULL), SANL_OK);
    sanl_predictor_free(predictor);
}

/* ---- the networks -------------------------------------------------------------------------------- */

/* Modules of the two halves, and whether the Python at hand has them. */
static const struct {
    const char *name, *modules;
} halves[2] = {{"onnx", "numpy, onnx, onnxruntime"}, {"torch", "numpy, torch, torchvision"}};
static bool runs[2];

static const char *python(void)
{
    const char *given = getenv("SANLCL_PYTHON");
    return given ? given : "python3";
}

static void find_modules(void)
{
    char command[PATH_BYTES];
    for (int k = 0; k < 2; k++) {
        snprintf(command, sizeof command, "'%s' -c 'import %s' >/dev/null 2>&1", python(), halves[k].modules);
        runs[k] = system(command) == 0;
    }
}

static void check_with(const char *what, const char *file, const char *tensors)
{
    char command[4 * PATH_BYTES];
    snprintf(command, sizeof command, "'%s' '%s/reference/check_export.py' %s '%s' '%s'", python(), TEST_DIR,
             what, file, tensors);
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* The graph of a case must be one that ONNX Runtime has run. */
static void check_known(const char *name, uint64_t graph)
{
    char *known, line[128];
    size_t length;
    snprintf(line, sizeof line, "\n%s %016llx ", name, (unsigned long long)graph);
    assert_int_equal(sanl_file_read(&known, &length, TEST_DIR "/reference/onnx_graphs.txt", 1 << 20),
                     SANL_OK);
    const bool found = strstr(known, line);
    free(known);
    if (!found)
        fail_msg("reference/onnx_graphs.txt has no row '%s': to be added once ONNX Runtime ran it", line + 1);
}

static void check_case(void **state)
{
    const int i = *(const int *)*state;
    char weights[PATH_BYTES], model[PATH_BYTES], tensors[PATH_BYTES], exported[PATH_BYTES];
    path_of(model, cases[i].name, "onnx");
    path_of(exported, cases[i].name, "torch");
    make_checkpoint(weights, i);
    export_to(model, weights, SANL_EXPORT_ONNX, SANL_EXPORT_NETWORK);
    if (runs[1])
        export_to(exported, weights, SANL_EXPORT_SAFETENSORS, SANL_EXPORT_NETWORK);
    const uint64_t graph = onnx_check(model);
    const char *const files[2] = {model, exported};
    const bool golden = golden_of(tensors, i);
    if (!golden)
        path_of(tensors, cases[i].name, "tensors");
    if (!golden && (runs[0] || runs[1]))
        predict(tensors, weights);
    for (int k = 0; k < 2; k++)
        if (runs[k])
            check_with(halves[k].name, files[k], tensors);
    if (!golden)
        remove(tensors);
    remove(weights);
    remove(model);
    remove(exported);
    check_known(cases[i].name, graph);
}

static void modules_are_there(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++)
        if (!runs[k])
            print_message("not run: the half with %s: $SANLCL_PYTHON, else python3, lacks a module of: %s\n",
                          halves[k].name, halves[k].modules);
    if (!runs[0] || !runs[1])
        skip();
}

/* ---- files --------------------------------------------------------------------------------------- */

static const struct sanl_named_tensor *tensor_of(struct sanl_tensors *file, const char *name, float *value)
{
    const struct sanl_named_tensor *tensor = sanl_tensors_find(file, name);
    if (!tensor)
        fail_msg("no tensor %s", name);
    float *values = sanl_calloc(tensor->count, sizeof *values);
    assert_non_null(values);
    assert_int_equal(sanl_tensors_read(file, tensor, values), SANL_OK);
    *value = values[tensor->count - 1];
    free(values);
    return tensor;
}

/* Every tensor of the checkpoint `from` under `prefix`, and a counter for each norm. */
static void compare_files(const char *path, const char *from, const char *prefix, const char *last)
{
    struct sanl_tensors *a, *b;
    char name[256];
    size_t counters = 0, others = 0, variances = 0;
    float x, y;
    assert_int_equal(sanl_tensors_open(&a, path), SANL_OK);
    assert_int_equal(sanl_tensors_open(&b, from), SANL_OK);
    for (size_t i = 0; i < sanl_tensors_count(a); i++) {
        const struct sanl_named_tensor *t = sanl_tensors_at(a, i);
        if (strstr(t->name, ".num_batches_tracked")) {
            assert_string_equal(t->dtype, "I64");
            assert_int_equal(t->rank, 0);
            assert_int_equal(t->offset % 8, 0);
            counters++;
            continue;
        }
        variances += strstr(t->name, ".running_var") != NULL;
        snprintf(name, sizeof name, "%s%s", prefix, t->name);
        const struct sanl_named_tensor *u = tensor_of(b, name, &y);
        tensor_of(a, t->name, &x);
        assert_true(x == y && t->rank == u->rank && memcmp(t->shape, u->shape, sizeof t->shape) == 0);
        others++;
    }
    assert_true(counters == variances && counters > 0);
    for (size_t i = 0; i < sanl_tensors_count(b); i++) {
        const char *found = sanl_tensors_at(b, i)->name;
        others -= strncmp(found, "classifier.", 11) == 0 ? prefix[0] != 0 : prefix[0] == 0;
    }
    assert_int_equal(others, 0);
    assert_non_null(sanl_tensors_find(a, last));
    assert_string_equal(sanl_tensors_text(a, "format"), "pt");
    assert_non_null(strstr(sanl_tensors_text(a, "categories"), "Romper"));
    sanl_tensors_free(a);
    sanl_tensors_free(b);
}

/* Both parts of a landmark checkpoint; the classifier's is a checkpoint of a classifier. */
static void safetensors_are_read(void **state)
{
    (void)state;
    char out[PATH_BYTES], again[PATH_BYTES];
    char *a, *b;
    size_t a_length, b_length;
    path_of(out, "out", "safetensors");
    path_of(again, "again", "safetensors");
    export_to(out, fixture.landmark, SANL_EXPORT_SAFETENSORS, SANL_EXPORT_NETWORK);
    compare_files(out, fixture.landmark, "", "fine.predict.bias");
    export_to(out, fixture.landmark, SANL_EXPORT_SAFETENSORS, SANL_EXPORT_CLASSIFIER);
    compare_files(out, fixture.landmark, "classifier.", "fc.bias");
    export_to(again, out, SANL_EXPORT_SAFETENSORS, SANL_EXPORT_CLASSIFIER);
    assert_int_equal(sanl_file_read(&a, &a_length, out, FILE_LIMIT), SANL_OK);
    assert_int_equal(sanl_file_read(&b, &b_length, again, FILE_LIMIT), SANL_OK);
    assert_true(a_length == b_length && memcmp(a, b, a_length) == 0);
    free(a);
    free(b);
    const char *const overrides[] = {"eval.batch=1"};
    struct sanl_predictor *predictor;
    assert_int_equal(sanl_predictor_create(&predictor, fixture.device, out, overrides, 1), SANL_OK);
    assert_int_equal(sanl_predictor_config(predictor)->task, SANL_TASK_CLASSIFY);
    assert_int_equal(sanl_predictor_config(predictor)->model.classes, FIXTURE_CLASSES);
    sanl_predictor_free(predictor);
}

/* The same bytes each time; the classifier from a file of its own gives those of the one beside the network.
 */
static void same_network_gives_same_bytes(void **state)
{
    (void)state;
    char alone[PATH_BYTES], out[PATH_BYTES], cam[PATH_BYTES];
    char *a, *b;
    size_t a_length, b_length;
    path_of(alone, "alone", "safetensors");
    path_of(out, "a", "onnx");
    export_to(out, fixture.landmark, SANL_EXPORT_ONNX, SANL_EXPORT_NETWORK);
    assert_int_equal(sanl_file_read(&a, &a_length, out, FILE_LIMIT), SANL_OK);
    export_to(out, fixture.landmark, SANL_EXPORT_ONNX, SANL_EXPORT_NETWORK);
    assert_int_equal(sanl_file_read(&b, &b_length, out, FILE_LIMIT), SANL_OK);
    assert_true(a_length == b_length && memcmp(a, b, a_length) == 0);
    free(a);
    free(b);
    const uint64_t graph = onnx_check(out);
    export_to(alone, fixture.landmark, SANL_EXPORT_SAFETENSORS, SANL_EXPORT_NETWORK);
    snprintf(cam, sizeof cam, "cam.weights=%s", fixture.classifier);
    const char *const overrides[] = {cam};
    const struct sanl_export_options options = {SANL_EXPORT_ONNX, SANL_EXPORT_NETWORK, overrides, 1};
    assert_int_equal(sanl_export(out, alone, &options), SANL_OK);
    assert_true(onnx_check(out) == graph);
    export_to(out, fixture.landmark, SANL_EXPORT_ONNX, SANL_EXPORT_CLASSIFIER);
    assert_true(onnx_check(out) != graph);
}

/* A checkpoint of a guided classifier, with the classifier of its maps beside it. */
static void make_guided(char path[PATH_BYTES])
{
    struct sanl_config config;
    struct sanl_network *network;
    path_of(path, "guided", "safetensors");
    fixture_config(&config, SANL_TASK_CLASSIFY);
    config.model.block = SANL_BLOCK_SANL;
    snprintf(config.cam.weights, sizeof config.cam.weights, "%s", fixture.classifier);
    const struct sanl_weights_info info = {.config = &config};
    assert_int_equal(sanl_network_create(&network, &config, fixture.device, -1), SANL_OK);
    assert_int_equal(sanl_weights_save(path, network->params, network->classifier, &info), SANL_OK);
    sanl_network_free(network);
}

/* The network alone has a layer fc, too, but that is its own. */
static void guided_classifiers_find_their_guide(void **state)
{
    (void)state;
    char guided[PATH_BYTES], alone[PATH_BYTES], out[PATH_BYTES], cam[PATH_BYTES];
    struct sanl_predictor *predictor;
    make_guided(guided);
    path_of(alone, "alone", "safetensors");
    path_of(out, "guided", "onnx");
    export_to(out, guided, SANL_EXPORT_ONNX, SANL_EXPORT_NETWORK);
    const uint64_t graph = onnx_check(out);
    export_to(alone, guided, SANL_EXPORT_SAFETENSORS, SANL_EXPORT_NETWORK);
    snprintf(cam, sizeof cam, "cam.weights=%s", fixture.classifier);
    const char *const overrides[] = {cam};
    const struct sanl_export_options options = {SANL_EXPORT_ONNX, SANL_EXPORT_NETWORK, overrides, 1};
    if (sanl_export(out, alone, &options) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    assert_true(onnx_check(out) == graph);
    assert_int_equal(sanl_predictor_create(&predictor, fixture.device, alone, overrides, 1), SANL_OK);
    sanl_predictor_free(predictor);
    remove(out);
}

/* ---- bad requests -------------------------------------------------------------------------------- */

static void refuses_as(enum sanl_export_format format, const char *out, const char *weights,
                       const char *override, enum sanl_export_part part, enum sanl_status expected,
                       const char *message)
{
    const struct sanl_export_options options = {format, part, &override, override ? 1 : 0};
    assert_int_equal(sanl_export(out, weights, &options), expected);
    if (!strstr(sanl_error_message(), message))
        fail_msg("'%s' has no '%s'", sanl_error_message(), message);
    assert_false(sanl_file_exists(out));
}

static void refuses(const char *out, const char *weights, const char *override, enum sanl_export_part part,
                    enum sanl_status expected, const char *message)
{
    for (int format = 0; format < 2; format++)
        refuses_as((enum sanl_export_format)format, out, weights, override, part, expected, message);
}

static void bad_requests_are_told(void **state)
{
    (void)state;
    static const char no_classifier[] = "plain.safetensors: it holds no classifier of attention maps";
    char out[PATH_BYTES], plain[PATH_BYTES], broken[PATH_BYTES], narrow[PATH_BYTES], guided[PATH_BYTES];
    char override[PATH_BYTES + 16];
    const float bad = NAN;
    struct sanl_safetensors_writer *w;
    path_of(out, "none", "onnx");
    path_of(plain, "plain", "safetensors");
    path_of(broken, "nothing", "here");
    path_of(narrow, "narrow", "safetensors");
    const struct sanl_named_tensor one = {.name = "fc.weight", .rank = 2, .shape = {1, 1}};
    assert_int_equal(sanl_safetensors_create(&w, narrow, &one, 1, NULL, 0), SANL_OK);
    assert_int_equal(sanl_safetensors_write(w, &bad, 1), SANL_OK);
    assert_int_equal(sanl_safetensors_commit(w), SANL_OK);
    sanl_safetensors_writer_free(w);
    refuses(out, narrow, NULL, SANL_EXPORT_NETWORK, SANL_ERR_FORMAT, "carries no configuration");
    refuses(out, broken, NULL, SANL_EXPORT_NETWORK, SANL_ERR_IO, "nothing.here: cannot open");
    refuses("/nowhere/x", fixture.landmark, NULL, SANL_EXPORT_NETWORK, SANL_ERR_IO,
            "/nowhere/x: cannot write");
    refuses(out, fixture.landmark, "model.width=24", SANL_EXPORT_NETWORK, SANL_ERR_FORMAT, "another shape");
    refuses(out, fixture.landmark, "model.block=none", SANL_EXPORT_NETWORK, SANL_ERR_FORMAT,
            "unexpected: sanl.");
    export_to(plain, fixture.landmark, SANL_EXPORT_SAFETENSORS, SANL_EXPORT_NETWORK);
    refuses(out, plain, NULL, SANL_EXPORT_CLASSIFIER, SANL_ERR_FORMAT, no_classifier);
    refuses_as(SANL_EXPORT_ONNX, out, plain, "cam.weights=/nowhere/c.safetensors", SANL_EXPORT_NETWORK,
               SANL_ERR_IO, "cam.weights: /nowhere/c.safetensors: cannot open");
    make_guided(guided);
    export_to(plain, guided, SANL_EXPORT_SAFETENSORS, SANL_EXPORT_NETWORK);
    refuses(out, plain, NULL, SANL_EXPORT_CLASSIFIER, SANL_ERR_FORMAT, no_classifier);
    refuses_as(SANL_EXPORT_ONNX, out, plain, "cam.weights=", SANL_EXPORT_NETWORK, SANL_ERR_USAGE,
               "cam.weights: block sanl needs");
    snprintf(override, sizeof override, "cam.weights=%s", narrow);
    refuses_as(SANL_EXPORT_ONNX, out, plain, override, SANL_EXPORT_NETWORK, SANL_ERR_USAGE,
               "a classifier of 1 classes, expected one of the same 17");
}

/* Larger than protobuf can hold: told when the weights are added, before there is a file. */
static void large_models_are_refused(void **state)
{
    (void)state;
    struct sanl_onnx *onnx;
    static const int64_t counts[][2] = {{300 << 20, 300 << 20}, {INT32_MAX / 4, 1}}; /* of values */
    char out[PATH_BYTES];
    path_of(out, "large", "onnx");
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        assert_int_equal(sanl_onnx_create(&onnx, "large"), SANL_OK);
        for (int i = 0; i < 2; i++) {
            float *values = calloc((size_t)counts[k][i], sizeof *values); /* never touched */
            if (!values) {
                sanl_onnx_free(onnx);
                skip();
            }
            sanl_onnx_floats(onnx, i ? "b" : "a", &counts[k][i], 1, values);
        }
        assert_null(sanl_onnx_node(onnx, "Add", "c", (const char *const[]){"a", "b", NULL}, NULL));
        assert_int_equal(sanl_onnx_write(onnx, out), SANL_ERR_LIMIT);
        assert_non_null(strstr(sanl_error_message(), "2 GiB"));
        assert_false(sanl_file_exists(out));
        sanl_onnx_free(onnx);
    }
}

int main(void)
{
    static int numbers[CASES];
    find_modules();
    struct CMUnitTest tests[CASES + 6] = {
        cmocka_unit_test(safetensors_are_read),
        cmocka_unit_test(same_network_gives_same_bytes),
        cmocka_unit_test(guided_classifiers_find_their_guide),
        cmocka_unit_test(bad_requests_are_told),
        cmocka_unit_test(large_models_are_refused),
        cmocka_unit_test(modules_are_there),
    };
    for (int i = 0; i < CASES; i++) {
        numbers[i] = i;
        tests[6 + i] = (struct CMUnitTest){cases[i].name, check_case, NULL, NULL, &numbers[i]};
    }
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
