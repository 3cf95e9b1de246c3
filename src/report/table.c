#include <sanlcl/table.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "report/html.h"

enum kind { NOTHING, TEXT, INT, BOOL, NUMBER };

struct cell {
    enum kind kind;
    char *text;
    long long whole;
    double number;
};

struct sanl_table {
    struct sanl_column *columns;
    int column_count;
    struct cell *cells; /* row by row */
    size_t cell_count, cell_capacity;
    enum sanl_status status; /* of the first failed cell */
};

enum sanl_status sanl_table_create(struct sanl_table **out, const struct sanl_column *columns, int count)
{
    *out = NULL;
    if (count < 1)
        return sanl_fail(SANL_ERR_USAGE, "a table needs at least one column");
    struct sanl_table *table = sanl_calloc(1, sizeof *table);
    if (!table)
        return SANL_ERR_MEMORY;
    table->columns = sanl_calloc((size_t)count, sizeof *columns);
    if (!table->columns) {
        free(table);
        return SANL_ERR_MEMORY;
    }
    memcpy(table->columns, columns, (size_t)count * sizeof *columns);
    table->column_count = count;
    *out = table;
    return SANL_OK;
}

void sanl_table_free(struct sanl_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    free(table->columns);
    free(table);
}

static void add(struct sanl_table *table, struct cell cell)
{
    if (table->status == SANL_OK)
        table->status =
            sanl_grow(&table->cells, &table->cell_capacity, table->cell_count + 1, sizeof *table->cells);
    if (table->status == SANL_OK)
        table->cells[table->cell_count++] = cell;
    else
        free(cell.text);
}

void sanl_table_text(struct sanl_table *table, const char *text)
{
    char *copy = text ? sanl_strdup(text) : NULL;
    if (text && !copy)
        table->status = SANL_ERR_MEMORY;
    add(table, (struct cell){.kind = text ? TEXT : NOTHING, .text = copy});
}

void sanl_table_int(struct sanl_table *table, long long value)
{
    add(table, (struct cell){.kind = INT, .whole = value});
}

void sanl_table_bool(struct sanl_table *table, bool value)
{
    add(table, (struct cell){.kind = BOOL, .whole = value});
}

void sanl_table_number(struct sanl_table *table, double value)
{
    add(table, (struct cell){.kind = isfinite(value) ? NUMBER : NOTHING, .number = value});
}

/* The cells of the whole rows. */
static size_t whole_cells(const struct sanl_table *table)
{
    return table->cell_count - table->cell_count % (size_t)table->column_count;
}

/* ---- aligned text -------------------------------------------------------------------------------- */

static int text_width(const char *text)
{
    int width = 0;
    while (*text) {
        sanl_utf8_next(&text);
        width++;
    }
    return width;
}

/* The cell as in aligned text; `room` holds it when it is a number. */
static const char *cell_text(char room[352], const struct cell *cell, int decimals)
{
    switch (cell->kind) {
    case TEXT:
        return cell->text;
    case INT:
        snprintf(room, 352, "%lld", cell->whole);
        return room;
    case BOOL:
        return cell->whole ? "yes" : "no";
    case NUMBER:
        snprintf(room, 352, "%.*f", decimals < 0 ? 0 : decimals > 17 ? 17 : decimals, cell->number);
        return room;
    case NOTHING:
        break;
    }
    return "-";
}

static const char *column_title(const struct sanl_column *column)
{
    return column->title ? column->title : column->key;
}

/* A column stands to the left when it has texts. */
static bool is_left(const struct sanl_table *table, int column)
{
    for (size_t i = (size_t)column; i < whole_cells(table); i += (size_t)table->column_count)
        if (table->cells[i].kind == TEXT || table->cells[i].kind == BOOL)
            return true;
    return false;
}

static int column_width(const struct sanl_table *table, int column)
{
    char room[352];
    int widest = text_width(column_title(&table->columns[column]));
    for (size_t i = (size_t)column; i < whole_cells(table); i += (size_t)table->column_count) {
        const int width = text_width(cell_text(room, &table->cells[i], table->columns[column].decimals));
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* Writes one field, a gap of two blanks before it; no blanks at the end of a line. */
static void write_field(FILE *file, const char *text, int width, bool left, bool first, bool last)
{
    const int blanks = width - text_width(text);
    fprintf(file, "%s%*s%s%*s%s", first ? "" : "  ", left ? 0 : blanks, "", text, left && !last ? blanks : 0,
            "", last ? "\n" : "");
}

static enum sanl_status write_text(const struct sanl_table *table, FILE *file)
{
    const size_t columns = (size_t)table->column_count, rows = table->cell_count / columns;
    int *widths = sanl_calloc(columns, sizeof *widths);
    bool *lefts = sanl_calloc(columns, sizeof *lefts);
    if (!widths || !lefts) {
        free(widths);
        free(lefts);
        return SANL_ERR_MEMORY;
    }
    for (size_t c = 0; c < columns; c++) {
        widths[c] = column_width(table, (int)c);
        lefts[c] = is_left(table, (int)c);
        write_field(file, column_title(&table->columns[c]), widths[c], lefts[c], c == 0, c + 1 == columns);
    }
    for (size_t c = 0; c < columns; c++) {
        fputs(c ? "  " : "", file);
        for (int i = 0; i < widths[c]; i++)
            fputc('-', file);
    }
    fputc('\n', file);
    char room[352];
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            write_field(file, cell_text(room, &table->cells[r * columns + c], table->columns[c].decimals),
                        widths[c], lefts[c], c == 0, c + 1 == columns);
    free(widths);
    free(lefts);
    return SANL_OK;
}

static void write_html(const struct sanl_table *table, FILE *file)
{
    const size_t columns = (size_t)table->column_count, rows = table->cell_count / columns;
    char room[352];
    fputs("<table>\n", file);
    for (size_t r = 0; r <= rows; r++) { /* row 0 is the head */
        fputs("<tr>", file);
        for (size_t c = 0; c < columns; c++) {
            const struct sanl_column *column = &table->columns[c];
            fprintf(file, "<%s%s>", r ? "td" : "th", is_left(table, (int)c) ? "" : " class=\"n\"");
            sanl_html_escape(file, r ? cell_text(room, &table->cells[(r - 1) * columns + c], column->decimals)
                                     : column_title(column));
            fprintf(file, "</%s>", r ? "td" : "th");
        }
        fputs("</tr>\n", file);
    }
    fputs("</table>\n", file);
}

static void write_latex_text(FILE *file, const char *text)
{
    for (; *text; text++) {
        if (strchr("&%$#_{}", *text))
            fprintf(file, "\\%c", *text);
        else if (strchr("~^\\", *text))
            fprintf(file, "\\char`\\%c{}", *text);
        else
            fputc(*text, file);
    }
}

static void write_latex(const struct sanl_table *table, FILE *file)
{
    const size_t columns = (size_t)table->column_count, rows = table->cell_count / columns;
    char room[352];
    fputs("\\begin{tabular}{", file);
    for (size_t c = 0; c < columns; c++)
        fputc(is_left(table, (int)c) ? 'l' : 'r', file);
    fputs("}\n\\hline\n", file);
    for (size_t r = 0; r <= rows; r++) { /* row 0 is the head */
        for (size_t c = 0; c < columns; c++) {
            const struct sanl_column *column = &table->columns[c];
            write_latex_text(file, r ? cell_text(room, &table->cells[(r - 1) * columns + c], column->decimals)
                                     : column_title(column));
            fputs(c + 1 < columns ? " & " : " \\\\\n", file);
        }
        if (r == 0)
            fputs("\\hline\n", file);
    }
    fputs("\\hline\n\\end{tabular}\n", file);
}

/* ---- CSV and JSON -------------------------------------------------------------------------------- */

static void write_cell(FILE *file, const struct cell *cell, bool json)
{
    char room[32];
    switch (cell->kind) {
    case NOTHING:
        fputs(json ? "null" : "", file);
        break;
    case TEXT:
        (json ? sanl_text_json : sanl_text_csv)(file, cell->text);
        break;
    case INT:
        fprintf(file, "%lld", cell->whole);
        break;
    case BOOL:
        fputs(json ? (cell->whole ? "true" : "false") : (cell->whole ? "yes" : "no"), file);
        break;
    case NUMBER:
        sanl_number_text(room, cell->number);
        fputs(room, file);
        break;
    }
}

static void write_csv(const struct sanl_table *table, FILE *file)
{
    const size_t columns = (size_t)table->column_count;
    for (size_t c = 0; c < columns; c++) {
        sanl_text_csv(file, table->columns[c].key);
        fputc(c + 1 == columns ? '\n' : ',', file);
    }
    for (size_t i = 0; i < whole_cells(table); i++) {
        write_cell(file, &table->cells[i], false);
        fputc((i + 1) % columns == 0 ? '\n' : ',', file);
    }
}

/* The rows as objects, `between` two of them. */
static void write_objects(const struct sanl_table *table, FILE *file, const char *between)
{
    const size_t columns = (size_t)table->column_count, count = whole_cells(table);
    for (size_t i = 0; i < count; i++) {
        const size_t c = i % columns;
        fputs(c ? ", " : i ? between : "", file);
        fputs(c ? "" : "{", file);
        sanl_text_json(file, table->columns[c].key);
        fputs(": ", file);
        write_cell(file, &table->cells[i], true);
        fputs(c + 1 == columns ? "}" : "", file);
    }
}

static void write_json(const struct sanl_table *table, FILE *file)
{
    const bool any = whole_cells(table) > 0;
    fputs(any ? "[\n " : "[", file);
    write_objects(table, file, ",\n ");
    fputs(any ? "\n]\n" : "]\n", file);
}

enum sanl_status sanl_table_write(const struct sanl_table *table, FILE *file, enum sanl_table_format format)
{
    if (table->status != SANL_OK)
        return sanl_fail(table->status, "out of host memory for a table");
    switch (format) {
    case SANL_TABLE_TEXT:
        return write_text(table, file);
    case SANL_TABLE_CSV:
        write_csv(table, file);
        break;
    case SANL_TABLE_LATEX:
        write_latex(table, file);
        break;
    case SANL_TABLE_HTML:
        write_html(table, file);
        break;
    case SANL_TABLE_JSON:
        write_json(table, file);
        break;
    case SANL_TABLE_JSONL:
        write_objects(table, file, "\n");
        fputs(whole_cells(table) ? "\n" : "", file);
        break;
    }
    return SANL_OK;
}

enum sanl_table_format sanl_table_format_of(const char *path, enum sanl_table_format otherwise)
{
    const char *dot = strrchr(sanl_path_name(path), '.');
    if (dot && strcmp(dot, ".csv") == 0)
        return SANL_TABLE_CSV;
    if (dot && strcmp(dot, ".json") == 0)
        return SANL_TABLE_JSON;
    if (dot && strcmp(dot, ".tex") == 0)
        return SANL_TABLE_LATEX;
    return dot && strcmp(dot, ".jsonl") == 0 ? SANL_TABLE_JSONL : otherwise;
}

enum sanl_status sanl_table_save(const struct sanl_table *table, const char *path)
{
    return sanl_table_save_as(table, path, sanl_table_format_of(path, SANL_TABLE_TEXT));
}

enum sanl_status sanl_table_save_as(const struct sanl_table *table, const char *path,
                                    enum sanl_table_format format)
{
    struct sanl_output out;
    SANL_TRY(sanl_output_open(&out, path));
    const enum sanl_status status = sanl_table_write(table, out.file, format);
    if (status == SANL_OK)
        return sanl_output_commit(&out);
    sanl_output_free(&out);
    return status;
}

enum sanl_status sanl_table_check_path(const char *path)
{
    return sanl_output_check(path);
}
