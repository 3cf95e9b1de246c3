/* train/ablate.c: every setting once for each seed, whatever happens in between. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sanlcl/ablate.h>
#include <sanlcl/interrupt.h>
#include "fixture.h"

enum { SETTINGS = 6 };

struct seen {
    int begun, kept, steps, stop_at; /* steps of all trainings; the one that interrupts, 0: none */
    const char *spoilt;              /* checkpoints that are emptied before an evaluation; NULL: none */
};

static void note_run(void *payload, const struct sanl_ablate_run *run)
{
    struct seen *seen = payload;
    assert_int_equal(run->count, SETTINGS);
    assert_int_equal(run->index, seen->begun);
    seen->begun++;
    seen->kept += run->kept;
}

/* Empties the checkpoints of that name in all trainings of all ablations. */
static void spoil(const char *name)
{
    char command[256];
    snprintf(command, sizeof command, "for f in '%s'/*/*/%s; do : >\"$f\"; done", fixture.root, name);
    assert_int_equal(system(command), 0);
}

static void note_step(void *payload, const struct sanl_train_progress *progress)
{
    struct seen *seen = payload;
    if (!progress->validated && ++seen->steps == seen->stop_at)
        sanl_interrupt_request();
    if (progress->validated && seen->spoilt)
        spoil(seen->spoilt);
}

static void configure(struct sanl_config *config, const char *folder)
{
    fixture_config(config, SANL_TASK_LANDMARK);
    snprintf(config->out, sizeof config->out, "%s/%s", fixture.root, folder);
    config->train.epochs = 1;
    config->train.batch = 1;
    config->data.limit = 2;
}

static enum sanl_status ablate(const struct sanl_config *config, struct sanl_table **table, struct seen *seen)
{
    const int seeds[] = {3};
    const struct sanl_ablate_options options = {.config = config,
                                                .seeds = seeds,
                                                .seed_count = 1,
                                                .begin = note_run,
                                                .progress = note_step,
                                                .payload = seen};
    return sanl_ablate(table, fixture.device, &options);
}

static void assert_message(const char *part)
{
    if (!strstr(sanl_error_message(), part))
        fail_msg("'%s' is not in '%s'", part, sanl_error_message());
}

/* The table as CSV. */
static char *text_of(const struct sanl_table *table)
{
    char *text = NULL, *path = sanl_path_join(fixture.root, "table.csv");
    size_t length;
    assert_int_equal(sanl_table_save(table, path), SANL_OK);
    assert_int_equal(sanl_file_read(&text, &length, path, 1 << 16), SANL_OK);
    free(path);
    return text;
}

static void an_interrupted_ablation_goes_on(void **state)
{
    (void)state;
    struct sanl_config config, other;
    struct sanl_table *whole = NULL, *parts = NULL;
    struct seen first = {0}, second = {.stop_at = 4}, third = {0}, fourth = {0};
    configure(&config, "whole");
    if (ablate(&config, &whole, &first) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    assert_int_equal(first.begun, SETTINGS);
    assert_int_equal(first.steps, SETTINGS * 2);
    configure(&other, "parts");
    assert_int_equal(ablate(&other, &parts, &second), SANL_ERR_INTERRUPTED);
    assert_null(parts);
    sanl_interrupt_clear();
    assert_int_equal(ablate(&other, &parts, &third), SANL_OK);
    assert_int_equal(second.steps + third.steps, SETTINGS * 2);
    assert_true(third.kept >= 1);
    char *a = text_of(whole), *b = text_of(parts);
    assert_string_equal(a, b);
    assert_non_null(strstr(a, "\nbase,1,0."));
    assert_non_null(strstr(a, "\n+ coarse to fine,1,0."));
    free(a);
    free(b);
    sanl_table_free(parts);
    assert_int_equal(ablate(&other, &parts, &fourth), SANL_OK);
    assert_true(fourth.kept == SETTINGS && fourth.steps == 0);
    sanl_table_free(parts);
    sanl_table_free(whole);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct sanl_config config;
    struct sanl_table *table;
    struct seen seen = {.stop_at = 1};
    configure(&config, "refused");
    strcpy(config.cam.weights, "/nowhere.safetensors");
    assert_int_equal(ablate(&config, &table, &seen), SANL_ERR_IO);
    assert_message("cam.weights");
    assert_int_equal(seen.begun, 0);
    configure(&config, "refused");
    assert_int_equal(ablate(&config, &table, &seen), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    config.train.lr *= 2;
    assert_int_equal(ablate(&config, &table, &seen), SANL_ERR_USAGE);
    assert_message("another configuration");
}

/* Before the folder is claimed, which would hold the wrong name. */
static void parts_are_there_before_training(void **state)
{
    (void)state;
    struct sanl_config config;
    struct sanl_table *table;
    struct seen seen = {0};
    configure(&config, "parts_missing");
    strcpy(config.data.test, "tset");
    assert_int_equal(ablate(&config, &table, &seen), SANL_ERR_USAGE);
    assert_message("data.test: ");
    assert_message("'tset'");
    configure(&config, "parts_missing");
    strcpy(config.data.val, "vla");
    assert_int_equal(ablate(&config, &table, &seen), SANL_ERR_USAGE);
    assert_message("data.val: ");
    assert_int_equal(seen.begun, 0);
    assert_false(sanl_folder_exists(config.out));
}

static bool has(const struct sanl_config *config, const char *file)
{
    char path[SANL_TEXT_BYTES + 64];
    snprintf(path, sizeof path, "%s/base-3/%s", config->out, file);
    return sanl_file_exists(path);
}

/* The best checkpoint counts, or the last one where no validation tells which is the best; it alone is read
 * and stays. */
static void one_checkpoint_counts(void **state)
{
    (void)state;
    static const char *const names[] = {"best.safetensors", "last.safetensors"};
    for (int last = 0; last < 2; last++) {
        struct sanl_config config;
        struct sanl_table *table;
        struct seen seen = {.stop_at = 3, .spoilt = names[!last]}; /* in the second training */
        configure(&config, last ? "last" : "best");
        if (last)
            config.data.val[0] = 0;
        assert_int_equal(ablate(&config, &table, &seen), SANL_ERR_INTERRUPTED);
        sanl_interrupt_clear();
        assert_true(has(&config, names[last]));
        assert_false(has(&config, names[!last]));
        assert_false(has(&config, "state.safetensors"));
    }
}

/* Nothing is trained on a results.csv that is not understood to the last byte. */
static void results_are_read_strictly(void **state)
{
    (void)state;
#define HEAD "setting,seed,ne_peer,ne\n"
    static const struct {
        const char *text, *message, *found;
    } cases[] = {
        {"", "line 1: expected 'setting,seed,ne_peer,ne'", "found ''"},
        {"setting,seed,top1_error,top3_error\n", "line 1: expected 'setting,seed,ne_peer,ne'", "top3_error'"},
        {HEAD "base,3,0.1,0.2", "line 2: expected a line that ends", "0.2'"},
        {HEAD "bas,3,0.1,0.2\n", "line 2: expected the name of a setting", "'bas,3"},
        {HEAD "\n", "line 2: expected the name of a setting", "''"},
        {HEAD "base\n", "line 2: expected a seed", "'base'"},
        {HEAD "base,-3,0.1,0.2\n", "line 2: expected a seed", "'base,-3"},
        {HEAD "base,4294967299,0.1,0.2\n", "line 2: expected a seed", "'base,4294967299"},
        {HEAD "base,3,0.1\n", "line 2: expected two numbers", "'base,3,0.1'"},
        {HEAD "base,3,0.1,inf\n", "line 2: expected two numbers", "'base,3,0.1,inf'"},
        {HEAD "base,3,-5,0.1\n", "line 2: expected two numbers", "'base,3,-5,0.1'"},
        {HEAD "base,3,0.1,0x1p4\n", "line 2: expected two numbers", "0x1p4'"},
        {HEAD "base,3,0.1,\n", "line 2: expected two numbers", "'base,3,0.1,'"},
        {HEAD "base,3,0.1,0.2x\n", "line 2: expected two numbers", "0.2x'"},
        {HEAD "base,3,0.1,0.2,0.3\n", "line 2: expected two numbers", "0.3'"},
        {HEAD "base,3,0.1,0.2\nbase,3,0.3,0.4\n", "line 3: expected each setting and seed once", "0.4'"},
    };
    static const char sound[] =
        HEAD "base,3,0.1,nan\nbase,4,1,1\nnonlocal,3,0.1,0.2\nsanl_top,3,0.1,0.2\n"
             "sanl_stage,3,0.1,0.2\nfine,3,1e-05,0.2\nall_landmarks,3,0.10000000000000001,0.2\n";
    struct sanl_config config;
    struct sanl_table *table;
    struct seen all = {0};
    configure(&config, "strict");
    assert_int_equal(sanl_folder_make(config.out), SANL_OK);
    char *path = sanl_path_join(config.out, "results.csv"),
         *mark = sanl_path_join(config.out, "ablation.yaml");
    char *yaml;
    assert_int_equal(sanl_file_write(path, sound, strlen(sound)), SANL_OK);
    assert_int_equal(ablate(&config, &table, &all), SANL_ERR_USAGE); /* of which configuration? */
    assert_message("no ablation.yaml");
    assert_int_equal(sanl_config_dump(&yaml, &config, false), SANL_OK);
    assert_int_equal(sanl_file_write(mark, yaml, strlen(yaml)), SANL_OK);
    free(yaml);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen = {0};
        assert_int_equal(sanl_file_write(path, cases[i].text, strlen(cases[i].text)), SANL_OK);
        assert_int_equal(ablate(&config, &table, &seen), SANL_ERR_FORMAT);
        assert_message(path);
        assert_message(cases[i].message);
        assert_message(cases[i].found);
        assert_message("again");
        assert_int_equal(seen.begun, 0);
    }
    assert_int_equal(sanl_file_write(path, sound, strlen(sound)), SANL_OK);
    assert_int_equal(ablate(&config, &table, &all), SANL_OK);
    assert_int_equal(all.kept, SETTINGS);
    sanl_table_free(table);
    free(path);
    free(mark);
}

/* Keys that change no result may change, and so may the folder's name. */
static void idle_keys_may_change(void **state)
{
    (void)state;
    struct sanl_config config, moved;
    struct sanl_table *table;
    struct seen first = {.stop_at = 3}, second = {.stop_at = 1}; /* in the second training, twice */
    configure(&config, "before");
    configure(&moved, "after");
    assert_int_equal(ablate(&config, &table, &first), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    assert_int_equal(rename(config.out, moved.out), 0);
    moved.data.workers++;
    moved.data.ring++;
    moved.train.log_every++;
    assert_int_equal(ablate(&moved, &table, &second), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    assert_int_equal(second.kept, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupted_ablation_goes_on), cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(parts_are_there_before_training), cmocka_unit_test(idle_keys_may_change),
        cmocka_unit_test(results_are_read_strictly),       cmocka_unit_test(one_checkpoint_counts),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
