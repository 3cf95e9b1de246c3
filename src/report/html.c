#include "report/html.h"

#include <sanlcl/report.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"

enum { MAX_PICTURE_BYTES = 1 << 26 };

struct sanl_page {
    struct sanl_output out;
};

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\n"
    "body { font: 16px/1.5 system-ui, sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em; }\n"
    "table { border-collapse: collapse; margin: 1em 0; }\n"
    "th, td { padding: .2em .8em; border-bottom: 1px solid #ccc; text-align: left; }\n"
    "td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }\n"
    "figure { display: inline-block; vertical-align: top; margin: .5em 0; }\n"
    "img { max-width: 100%; height: auto; }\nfigcaption { color: #555; }\n"
    "pre { background: #f4f4f4; padding: .6em 1em; overflow-x: auto; }\n</style>\n<title>";

void sanl_html_escape(FILE *file, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        case '\'':
            fputs("&#39;", file);
            break;
        default:
            fputc(*text, file);
        }
}

static void write_base64(FILE *file, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i;
        const unsigned long three = (unsigned long)bytes[i] << 16 |
                                    (left > 1 ? (unsigned long)bytes[i + 1] << 8 : 0) |
                                    (left > 2 ? (unsigned long)bytes[i + 2] : 0);
        fputc(digits[three >> 18], file);
        fputc(digits[three >> 12 & 63], file);
        fputc(left > 1 ? digits[three >> 6 & 63] : '=', file);
        fputc(left > 2 ? digits[three & 63] : '=', file);
    }
}

static void write_element(struct sanl_page *page, const char *tag, const char *text)
{
    fprintf(page->out.file, "<%s>", tag);
    sanl_html_escape(page->out.file, text);
    fprintf(page->out.file, "</%s>\n", tag);
}

enum sanl_status sanl_page_create(struct sanl_page **out, const char *path, const char *title)
{
    *out = NULL;
    struct sanl_page *page = sanl_calloc(1, sizeof *page);
    if (!page)
        return SANL_ERR_MEMORY;
    const enum sanl_status status = sanl_output_open(&page->out, path);
    if (status != SANL_OK) {
        free(page);
        return status;
    }
    fputs(head, page->out.file);
    sanl_html_escape(page->out.file, title);
    fputs("</title>\n</head>\n<body>\n", page->out.file);
    write_element(page, "h1", title);
    *out = page;
    return SANL_OK;
}

void sanl_page_heading(struct sanl_page *page, const char *text)
{
    write_element(page, "h2", text);
}

void sanl_page_text(struct sanl_page *page, const char *text)
{
    write_element(page, "p", text);
}

void sanl_page_code(struct sanl_page *page, const char *text)
{
    write_element(page, "pre", text);
}

enum sanl_status sanl_page_image(struct sanl_page *page, const char *path, const char *caption)
{
    char *bytes;
    size_t count;
    SANL_TRY(sanl_file_read(&bytes, &count, path, MAX_PICTURE_BYTES));
    const bool png = count > 4 && memcmp(bytes, "\x89PNG", 4) == 0;
    fprintf(page->out.file, "<figure><img src=\"data:image/%s;base64,", png ? "png" : "jpeg");
    write_base64(page->out.file, (const unsigned char *)bytes, count);
    fputs("\" alt=\"", page->out.file);
    sanl_html_escape(page->out.file, caption);
    fputs("\">", page->out.file);
    write_element(page, "figcaption", caption);
    fputs("</figure>\n", page->out.file);
    free(bytes);
    return SANL_OK;
}

enum sanl_status sanl_page_table(struct sanl_page *page, const struct sanl_table *table)
{
    return sanl_table_write(table, page->out.file, SANL_TABLE_HTML);
}

enum sanl_status sanl_page_finish(struct sanl_page *page)
{
    fputs("</body>\n</html>\n", page->out.file);
    return sanl_output_commit(&page->out);
}

void sanl_page_free(struct sanl_page *page)
{
    if (!page)
        return;
    sanl_output_free(&page->out);
    free(page);
}
