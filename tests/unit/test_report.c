/* report: tables, plots, overlays, contact sheets, the HTML page. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "base/file.h"
#include "report/overlay.h"

static char folder[] = "/tmp/sanlcl_report_XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

static char *read_text(const char *path)
{
    char *text;
    size_t length;
    assert_int_equal(sanl_file_read(&text, &length, path, 1 << 24), SANL_OK);
    return text;
}

static struct sanl_image read_image(const char *path)
{
    const struct sanl_image_limits limits = {.max_megapixels = 10};
    struct sanl_image image;
    assert_int_equal(sanl_image_read(&image, NULL, NULL, path, &limits), SANL_OK);
    return image;
}

static struct sanl_table *sample_table(void)
{
    static const struct sanl_column columns[] = {
        {"name", "Name", 0}, {"count", NULL, 0}, {"ne", "NE", 3}, {"ok", NULL, 0}};
    struct sanl_table *table;
    assert_int_equal(sanl_table_create(&table, columns, 4), SANL_OK);
    sanl_table_text(table, "\xC3\xA4rmel, \"L\" <b>");
    sanl_table_int(table, -12);
    sanl_table_number(table, 0.1);
    sanl_table_bool(table, true);
    sanl_table_text(table, NULL);
    sanl_table_int(table, 123456789012LL);
    sanl_table_number(table, NAN);
    sanl_table_bool(table, false);
    sanl_table_text(table, "an unfinished row is left out");
    return table;
}

static void tables_are_written_in_each_format(void **state)
{
    (void)state;
    struct sanl_table *table = sample_table();
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"t.txt", "Name                   count     NE  ok\n"
                  "--------------  ------------  -----  ---\n"
                  "\xC3\xA4rmel, \"L\" <b>           -12  0.100  yes\n"
                  "-               123456789012      -  no\n"},
        {"t.csv", "name,count,ne,ok\n\"\xC3\xA4rmel, \"\"L\"\" <b>\",-12,0.1,yes\n,123456789012,,no\n"},
        {"t.json",
         "[\n {\"name\": \"\xC3\xA4rmel, \\\"L\\\" <b>\", \"count\": -12, \"ne\": 0.1, \"ok\": true},\n"
         " {\"name\": null, \"count\": 123456789012, \"ne\": null, \"ok\": false}\n]\n"},
        {"t.jsonl", "{\"name\": \"\xC3\xA4rmel, \\\"L\\\" <b>\", \"count\": -12, \"ne\": 0.1, \"ok\": true}\n"
                    "{\"name\": null, \"count\": 123456789012, \"ne\": null, \"ok\": false}\n"},
        {"t.tex", "\\begin{tabular}{lrrl}\n\\hline\nName & count & NE & ok \\\\\n\\hline\n"
                  "\xC3\xA4rmel, \"L\" <b> & -12 & 0.100 & yes \\\\\n- & 123456789012 & - & no \\\\\n"
                  "\\hline\n\\end{tabular}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sanl_table_save(table, in_folder(cases[i].name)), SANL_OK);
        char *text = read_text(in_folder(cases[i].name));
        assert_string_equal(text, cases[i].text);
        free(text);
    }
    sanl_table_free(table);
    sanl_table_free(NULL);
}

static void json_is_valid_for_any_text(void **state)
{
    (void)state;
    struct sanl_table *table;
    const struct sanl_column columns[] = {{"a\"\\", NULL, 0}};
    assert_int_equal(sanl_table_create(&table, columns, 1), SANL_OK);
    char text[256];
    for (int i = 1; i < 256; i++)
        text[i - 1] = (char)i;
    text[255] = 0;
    sanl_table_text(table, text);
    sanl_table_text(table, "");
    assert_int_equal(sanl_table_save(table, in_folder("odd.json")), SANL_OK);
    json_t *json = json_load_file(in_folder("odd.json"), 0, NULL);
    assert_int_equal(json_array_size(json), 2);
    const char *back = json_string_value(json_object_get(json_array_get(json, 0), "a\"\\"));
    assert_non_null(back);
    assert_memory_equal(back, text, 127);
    json_decref(json);
    sanl_table_free(table);
    assert_int_equal(sanl_table_create(&table, columns, 1), SANL_OK);
    assert_int_equal(sanl_table_save(table, in_folder("empty.json")), SANL_OK);
    json = json_load_file(in_folder("empty.json"), 0, NULL);
    assert_true(json_is_array(json) && json_array_size(json) == 0);
    json_decref(json);
    assert_int_equal(sanl_table_save(table, "/proc/none/t.csv"), SANL_ERR_IO);
    sanl_table_free(table);
}

static void pages_escape_and_embed(void **state)
{
    (void)state;
    struct sanl_page *page;
    struct sanl_table *table = sample_table();
    const char *path = in_folder("page.html");
    assert_int_equal(sanl_page_create(&page, path, "a < b & \"c\""), SANL_OK);
    sanl_page_heading(page, "<script>");
    sanl_page_text(page, "it's");
    sanl_page_code(page, "x\n  y");
    static const char bytes[3][9] = {"\x89PNG1234", "\x89PNG123", "\x89PNG12"}; /* 8, 7, 6 bytes */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sanl_file_write(in_folder("picture"), bytes[i], 8 - i), SANL_OK);
        assert_int_equal(sanl_page_image(page, in_folder("picture"), "<i>"), SANL_OK);
    }
    assert_int_equal(sanl_page_image(page, in_folder("missing.png"), "none"), SANL_ERR_IO);
    assert_int_equal(sanl_page_table(page, table), SANL_OK);
    assert_false(sanl_file_exists(path));
    assert_int_equal(sanl_page_finish(page), SANL_OK);
    sanl_page_free(page);
    char *text = read_text(path);
    static const char *const parts[] = {"<title>a &lt; b &amp; &quot;c&quot;</title>",
                                        "<h2>&lt;script&gt;</h2>",
                                        "<p>it&#39;s</p>",
                                        "<pre>x\n  y</pre>",
                                        "<img src=\"data:image/png;base64,iVBORzEyMzQ=\" alt=\"&lt;i&gt;\">",
                                        "base64,iVBORzEyMw==\"",
                                        "base64,iVBORzEy\"",
                                        "<th>Name</th><th class=\"n\">count</th>",
                                        "<td class=\"n\">0.100</td>",
                                        "</html>\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("the page has no %s", parts[i]);
    assert_null(strstr(text, "<script>"));
    free(text);

    assert_int_equal(sanl_page_create(&page, in_folder("gone.html"), "t"), SANL_OK);
    sanl_page_free(page);
    assert_false(sanl_file_exists(in_folder("gone.html")));
    sanl_page_free(NULL);
    sanl_table_free(table);
}

static void plots_show_their_series(void **state)
{
    (void)state;
    double x[200], loss[200], other[200];
    for (int i = 0; i < 200; i++) {
        x[i] = i;
        loss[i] = exp(-i / 30.0) + 0.002;
        other[i] = i >= 50 && i < 60 ? NAN : 0.3 + 0.2 * sin(i / 9.0);
    }
    const struct sanl_series series[] = {{"training loss", x, loss, 200}, {"validation", x, other, 200}};
    struct sanl_plot plot = {
        .title = "Loss", .x_label = "epoch", .y_label = "loss", .series = series, .series_count = 2};
    for (int log_y = 0; log_y < 2; log_y++) {
        const char *path = in_folder(log_y ? "log.png" : "linear.png");
        plot.log_y = log_y;
        assert_int_equal(sanl_plot_write(&plot, path), SANL_OK);
        struct sanl_image image = read_image(path);
        assert_true(image.width == 800 && image.height == 480);
        size_t coloured = 0;
        for (size_t i = 0; i < (size_t)image.width * (size_t)image.height; i++)
            coloured += abs(image.pixels[3 * i] - image.pixels[3 * i + 2]) > 60;
        assert_true(coloured > 1000 && coloured < 20000);
        sanl_image_free(&image);
    }
}

static void plots_take_any_numbers(void **state)
{
    (void)state;
    static const double sets[][4] = {{0, 0, 0, 0},           {NAN, NAN, NAN, NAN},   {INFINITY, 1, 2, 3},
                                     {1e308, -1e308, 0, 1},  {1e-300, 2e-300, 0, 0}, {-5, -5, -5, -5},
                                     {1e15, 1e15 + 1, 0, 0}, {5e-324, 1e308, 1, 1}};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (int log_y = 0; log_y < 2; log_y++)
            for (size_t count = 0; count <= 4; count++) {
                const struct sanl_series series = {"s", sets[s], sets[s], count};
                const struct sanl_plot plot = {
                    .series = &series, .series_count = 1, .log_y = log_y, .width = 300, .height = 200};
                assert_int_equal(sanl_plot_write(&plot, in_folder("any.png")), SANL_OK);
            }
    const struct sanl_plot tiny = {.width = 10, .height = 10};
    assert_int_equal(sanl_plot_write(&tiny, in_folder("tiny.png")), SANL_ERR_USAGE);
}

static const uint8_t *pixel(const struct sanl_image *image, double x, double y)
{
    return image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
}

static void overlays_put_marks_where_landmarks_are(void **state)
{
    (void)state;
    struct sanl_image image, drawn;
    assert_int_equal(sanl_image_create(&image, 100, 160), SANL_OK);
    memset(image.pixels, 90, 100 * 160 * 3);
    const double predicted[8][2] = {{30, 20}, {70, 20}, {10, 60},  {90, 62},
                                    {30, 90}, {70, 91}, {25, 140}, {NAN, 140}};
    const double truth[8][2] = {{33, 24}, {68, 20}, {12, 66},  {88, 60},
                                {30, 90}, {73, 95}, {25, 144}, {78, 141}};
    const bool shown[8] = {true, true, true, true, false, true, true, true};
    const double box[4] = {5, 8, 97, 155};
    const struct sanl_overlay overlay = {.landmarks = 8,
                                         .predicted_img = predicted,
                                         .shown = shown,
                                         .truth_img = truth,
                                         .box_img = box,
                                         .caption = "NE 0.031"};
    assert_int_equal(sanl_overlay_draw(&drawn, &image, &overlay), SANL_OK);
    assert_true(drawn.width == 400 && drawn.height == 640);
    for (int slot = 0; slot < 7; slot++) { /* a mark is coloured at its middle; grey elsewhere */
        const uint8_t *p = pixel(&drawn, predicted[slot][0] * 4 + 2, predicted[slot][1] * 4 + 2);
        const bool marked = abs(p[0] - 90) + abs(p[1] - 90) + abs(p[2] - 90) > 60;
        if (slot != 4)
            assert_true(marked);
    }
    assert_int_equal(pixel(&drawn, 50 * 4, 120 * 4)[0], 90);
    assert_int_equal(pixel(&drawn, 5 * 4, 100 * 4)[0] > 150, 1); /* the box */
    assert_int_equal(sanl_image_write(&drawn, in_folder("overlay.png"), 90), SANL_OK);
    assert_int_equal(sanl_image_write(&image, in_folder("image.png"), 90), SANL_OK);
    sanl_image_free(&drawn);
    sanl_image_free(&image);
    assert_int_equal(sanl_overlay_write(in_folder("again.png"), in_folder("image.png"), 10, &overlay),
                     SANL_OK);
    char *a = read_text(in_folder("overlay.png")), *b = read_text(in_folder("again.png"));
    assert_memory_equal(a, b, 100);
    free(a);
    free(b);
    assert_int_equal(sanl_overlay_write(in_folder("x.png"), in_folder("none.png"), 10, &overlay),
                     SANL_ERR_IO);
    const struct sanl_overlay nothing = {.landmarks = 8};
    assert_int_equal(sanl_overlay_write(in_folder("plain.png"), in_folder("image.png"), 10, &nothing),
                     SANL_OK);
}

static void maps_cover_the_box(void **state)
{
    (void)state;
    const float map[4] = {1, 0, 0, 0};
    const double box[4] = {-10, 0, 40, 60}, wrong[4] = {200, 0, 300, 50}, empty[4] = {5, 5, 5, 9};
    const char *path = in_folder("map.png"), *from = in_folder("image.png");
    assert_int_equal(sanl_map_write(path, from, 10, box, map, 2, 2, 300), SANL_OK);
    struct sanl_image image = read_image(path);
    assert_true(image.width == 250 && image.height == 300);
    assert_true(pixel(&image, 5, 5)[0] > pixel(&image, 5, 5)[2]);         /* red where the map is 1 */
    assert_true(pixel(&image, 240, 290)[2] > pixel(&image, 240, 290)[0]); /* blue where it is 0 */
    assert_true(pixel(&image, 20, 290)[2] < pixel(&image, 240, 290)[2]);  /* black beside the picture */
    sanl_image_free(&image);
    assert_int_equal(sanl_map_write(path, from, 10, NULL, map, 2, 2, 0), SANL_OK);
    assert_int_equal(sanl_map_write(path, from, 10, wrong, map, 2, 2, 0), SANL_ERR_USAGE);
    assert_int_equal(sanl_map_write(path, from, 10, empty, map, 2, 2, 0), SANL_ERR_USAGE);
}

static void sheets_hold_their_pictures(void **state)
{
    (void)state;
    const char *paths[] = {in_folder("overlay.png"), in_folder("linear.png"), in_folder("map.png")};
    assert_int_equal(sanl_sheet_write(in_folder("sheet.png"), paths, 3, 2, 200), SANL_OK);
    struct sanl_image image = read_image(in_folder("sheet.png"));
    assert_true(image.width == 2 * 206 + 6 && image.height == 2 * 206 + 6);
    assert_int_equal(pixel(&image, 300, 300)[0], 255); /* the fourth cell stays empty */
    assert_true(pixel(&image, 100, 300)[0] < 255);
    sanl_image_free(&image);
    paths[1] = in_folder("missing.png");
    assert_int_equal(sanl_sheet_write(in_folder("sheet2.png"), paths, 3, 2, 200), SANL_ERR_IO);
    assert_false(sanl_file_exists(in_folder("sheet2.png")));
    assert_int_equal(sanl_sheet_write(in_folder("sheet2.png"), paths, 3, 2, 60000), SANL_ERR_LIMIT);
    assert_int_equal(sanl_sheet_write(in_folder("sheet2.png"), paths, 0, 2, 10), SANL_ERR_USAGE);
}

static void panels_stand_in_rows(void **state)
{
    (void)state;
    const float map[4] = {1, 0, 0, 0};
    const double box[4] = {-10, 0, 40, 60}, wrong[4] = {200, 0, 300, 50}, point[2] = {20, 40};
    const struct sanl_panel panels[] = {
        {.title = "plain"},
        {.title = "map", .map = map, .width = 2, .height = 2},
        {.map = map, .width = 2, .height = 2, .peaks = true, .point_img = point}};
    const char *path = in_folder("panels.png"), *from = in_folder("image.png");
    assert_int_equal(sanl_panels_write(path, from, 10, box, panels, 3, 2, 100), SANL_OK);
    struct sanl_image image = read_image(path); /* cells of 83 x 100 pixels, 8 apart, 16 for a title */
    assert_true(image.width == 8 + 2 * 91 && image.height == 8 + 2 * 124);
    assert_int_equal(pixel(&image, 150, 200)[0], 255);                  /* the fourth cell stays empty */
    assert_int_equal(pixel(&image, 10, 80)[0], 0);                      /* beside the picture */
    assert_true(pixel(&image, 101, 26)[0] > pixel(&image, 101, 26)[2]); /* red where the map is 1 */
    /* A map of peaks leaves what it does not mark: nearer to the plain picture than the other. */
    const uint8_t *plain = pixel(&image, 80, 110), *full = pixel(&image, 80 + 91, 110),
                  *peak = pixel(&image, 80, 110 + 124);
    assert_true(abs(peak[2] - plain[2]) < abs(full[2] - plain[2]));
    /* The ring stands at (8 + 30.5 / 50 * 83, 148 + 40.5 / 60 * 100), white. */
    int brightest = 0;
    for (int y = 209; y < 223; y++)
        for (int x = 52; x < 66; x++)
            brightest = pixel(&image, x, y)[0] > brightest ? pixel(&image, x, y)[0] : brightest;
    assert_true(brightest > 200);
    sanl_image_free(&image);
    assert_int_equal(sanl_panels_write(path, from, 10, NULL, panels, 3, 9, 0), SANL_OK);
    assert_int_equal(sanl_panels_write(path, from, 10, wrong, panels, 3, 2, 0), SANL_ERR_USAGE);
    assert_int_equal(sanl_panels_write(path, from, 10, NULL, panels, 0, 2, 0), SANL_ERR_USAGE);
    assert_int_equal(sanl_panels_write(path, from, 10, NULL, panels, 3, 2, 60000), SANL_ERR_LIMIT);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"t.txt",      "t.csv",     "t.json",     "odd.json",  "empty.json",
                                        "page.html",  "log.png",   "linear.png", "any.png",   "overlay.png",
                                        "image.png",  "again.png", "map.png",    "plain.png", "sheet.png",
                                        "panels.png", "picture",   "t.tex",      "t.jsonl"};
    if (getenv("SANLCL_KEEP")) {
        printf("kept: %s\n", folder);
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (remove(in_folder(names[i])) != 0)
            return 1;
    return rmdir(folder); /* fails when something else was left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_written_in_each_format),
        cmocka_unit_test(json_is_valid_for_any_text),
        cmocka_unit_test(pages_escape_and_embed),
        cmocka_unit_test(plots_show_their_series),
        cmocka_unit_test(plots_take_any_numbers),
        cmocka_unit_test(overlays_put_marks_where_landmarks_are),
        cmocka_unit_test(maps_cover_the_box),
        cmocka_unit_test(sheets_hold_their_pictures),
        cmocka_unit_test(panels_stand_in_rows),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
