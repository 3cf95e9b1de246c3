#include "model/pickle.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/memory.h"
#include "model/container.h"

/* Each instruction makes at most one value, of about 120 bytes with its items. The weights of a ResNet-152
 * and an optimiser's moments take 80,000. */
enum { LIMIT_BYTES = 1 << 24, LIMIT_INSTRUCTIONS = 1 << 19, NAME_BYTES = 128 };

struct machine {
    struct sanl_pickle *pickle;
    FILE *file;
    uint64_t limit, at, instructions; /* bytes that may be read, that were; how many have begun to run */
    uint32_t *stack;                  /* indices of values */
    size_t *marks, *memo;             /* heights of the stack; indices + 1, 0 for none */
    size_t stack_count, stack_capacity, mark_count, mark_capacity, memo_count, memo_capacity, memoized;
    bool stopped;
};

/* The values that every pickle has from the start. */
enum { OTHER, EMPTY_TUPLE };

/* ---- bytes --------------------------------------------------------------------------------------- */

static enum sanl_status check_bytes(const struct machine *m, uint64_t count)
{
    if (count > m->limit - m->at)
        return sanl_fail(SANL_ERR_FORMAT,
                         "%llu bytes expected, but only %llu follow; the file may be truncated",
                         (unsigned long long)count, (unsigned long long)(m->limit - m->at));
    if (count > LIMIT_BYTES - m->at)
        return sanl_fail(SANL_ERR_FORMAT, "a pickle of more than %d bytes; weights alone need far less",
                         LIMIT_BYTES);
    return SANL_OK;
}

static enum sanl_status read_bytes(struct machine *m, void *bytes, uint64_t count)
{
    SANL_TRY(check_bytes(m, count));
    if (fread(bytes, 1, (size_t)count, m->file) != count)
        return ferror(m->file) ? sanl_fail_errno(SANL_ERR_IO, "cannot read")
                               : sanl_fail(SANL_ERR_IO, "cannot read: the file ends");
    m->at += count;
    return SANL_OK;
}

static enum sanl_status read_number(struct machine *m, uint64_t *number, size_t width)
{
    unsigned char bytes[8];
    SANL_TRY(read_bytes(m, bytes, width));
    *number = sanl_little_endian(bytes, width);
    return SANL_OK;
}

static enum sanl_status read_line(struct machine *m, char line[NAME_BYTES])
{
    for (size_t i = 0; i < NAME_BYTES; i++) {
        SANL_TRY(read_bytes(m, &line[i], 1));
        if (line[i] == '\n') {
            line[i] = 0;
            return SANL_OK;
        }
    }
    return sanl_fail(SANL_ERR_FORMAT, "a name of more than %d bytes", NAME_BYTES);
}

/* ---- values and the stack ------------------------------------------------------------------------ */

static enum sanl_status push(struct machine *m, uint32_t value)
{
    SANL_TRY(sanl_grow(&m->stack, &m->stack_capacity, m->stack_count + 1, sizeof *m->stack));
    m->stack[m->stack_count++] = value;
    return SANL_OK;
}

static enum sanl_status push_new(struct machine *m, struct sanl_pickle_value value)
{
    struct sanl_pickle *p = m->pickle;
    SANL_TRY(sanl_grow(&p->values, &p->value_capacity, p->value_count + 1, sizeof *p->values));
    p->values[p->value_count] = value;
    return push(m, (uint32_t)p->value_count++);
}

static enum sanl_status push_items(struct machine *m, enum sanl_pickle_kind kind)
{
    struct sanl_pickle *p = m->pickle;
    SANL_TRY(sanl_grow(&p->lists, &p->list_capacity, p->list_count + 1, sizeof *p->lists));
    p->lists[p->list_count] = (struct sanl_pickle_items){0};
    return push_new(m, (struct sanl_pickle_value){.kind = kind, .is.place = p->list_count++});
}

/* Values above the newest mark. */
static size_t height(const struct machine *m)
{
    return m->stack_count - (m->mark_count ? m->marks[m->mark_count - 1] : 0);
}

static enum sanl_status need(const struct machine *m, size_t count)
{
    if (height(m) < count)
        return sanl_fail(SANL_ERR_FORMAT, "%zu values expected on the stack, found %zu", count, height(m));
    return SANL_OK;
}

/* The number of values above the newest mark, which goes. */
static enum sanl_status pop_mark(struct machine *m, size_t *count)
{
    if (!m->mark_count)
        return sanl_fail(SANL_ERR_FORMAT, "a mark expected on the stack");
    *count = height(m);
    m->mark_count--;
    return SANL_OK;
}

static struct sanl_pickle_value *from_top(struct machine *m, size_t depth)
{
    return &m->pickle->values[m->stack[m->stack_count - 1 - depth]];
}

/* The top `count` values go from the stack into the items of `to`. */
static enum sanl_status move(struct machine *m, struct sanl_pickle_items *to, size_t count)
{
    SANL_TRY(sanl_grow(&to->values, &to->capacity, to->count + count, sizeof *to->values));
    m->stack_count -= count;
    if (count)
        memcpy(to->values + to->count, m->stack + m->stack_count, count * sizeof *to->values);
    to->count += count;
    return SANL_OK;
}

/* ---- instructions: values ------------------------------------------------------------------------ */

static enum sanl_status run_nothing(struct machine *m, uint64_t n)
{
    (void)m;
    (void)n;
    return SANL_OK;
}

static enum sanl_status run_stop(struct machine *m, uint64_t n)
{
    (void)n;
    SANL_TRY(need(m, 1));
    m->pickle->root = m->stack[m->stack_count - 1];
    m->stopped = true;
    return SANL_OK;
}

static enum sanl_status run_other(struct machine *m, uint64_t n)
{
    (void)n;
    return push(m, OTHER);
}

static enum sanl_status run_int(struct machine *m, uint64_t n)
{
    return push_new(m, (struct sanl_pickle_value){.kind = SANL_PICKLE_INT, .is.integer = (int64_t)n});
}

static enum sanl_status run_int32(struct machine *m, uint64_t n)
{
    return run_int(m, n & 0x80000000u ? n | ~(uint64_t)0xFFFFFFFFu : n);
}

static enum sanl_status run_bytes(struct machine *m, uint64_t n)
{
    char waste[256];
    for (uint64_t left = n; left;) {
        const uint64_t count = left < sizeof waste ? left : sizeof waste;
        SANL_TRY(read_bytes(m, waste, count));
        left -= count;
    }
    return push(m, OTHER);
}

/* A number of n bytes in two's complement; one that an int64_t does not hold is of no interest. */
static enum sanl_status run_long(struct machine *m, uint64_t n)
{
    uint64_t number;
    if (n > 8)
        return run_bytes(m, n);
    SANL_TRY(read_number(m, &number, (size_t)n));
    if (n && n < 8 && number >> (8 * n - 1))
        number |= ~(uint64_t)0 << 8 * n;
    return run_int(m, number);
}

static enum sanl_status run_text(struct machine *m, uint64_t n)
{
    struct sanl_pickle *p = m->pickle;
    SANL_TRY(check_bytes(m, n));
    const size_t count = (size_t)n;
    SANL_TRY(sanl_grow(&p->text, &p->text_capacity, p->text_count + count + 1, 1));
    SANL_TRY(read_bytes(m, p->text + p->text_count, count));
    p->text[p->text_count + count] = 0;
    if (strlen(p->text + p->text_count) != count) /* no name has a zero byte, and none is empty */
        p->text[p->text_count] = 0;
    SANL_TRY(push_new(m, (struct sanl_pickle_value){.kind = SANL_PICKLE_TEXT, .is.place = p->text_count}));
    p->text_count += count + 1;
    return SANL_OK;
}

/* ---- instructions: containers -------------------------------------------------------------------- */

static enum sanl_status run_mark(struct machine *m, uint64_t n)
{
    (void)n;
    SANL_TRY(sanl_grow(&m->marks, &m->mark_capacity, m->mark_count + 1, sizeof *m->marks));
    m->marks[m->mark_count++] = m->stack_count;
    return SANL_OK;
}

static enum sanl_status run_new(struct machine *m, uint64_t kind)
{
    return push_items(m, (enum sanl_pickle_kind)kind);
}

static enum sanl_status run_tuple(struct machine *m, uint64_t n)
{
    const size_t count = (size_t)n;
    if (count == 0)
        return push(m, EMPTY_TUPLE);
    SANL_TRY(need(m, count));
    SANL_TRY(push_items(m, SANL_PICKLE_TUPLE));
    const uint32_t tuple = m->stack[--m->stack_count];
    SANL_TRY(move(m, sanl_pickle_items(m->pickle, &m->pickle->values[tuple]), count));
    return push(m, tuple);
}

static enum sanl_status run_tuple_to_mark(struct machine *m, uint64_t n)
{
    (void)n;
    size_t count = 0;
    SANL_TRY(pop_mark(m, &count));
    return run_tuple(m, count);
}

/* The top `count` values go into the one below: of `kind`, or one of no interest. */
static enum sanl_status extend(struct machine *m, size_t count, enum sanl_pickle_kind kind)
{
    SANL_TRY(need(m, count + 1));
    struct sanl_pickle_value *to = from_top(m, count);
    if (to->kind == SANL_PICKLE_OTHER) {
        m->stack_count -= count;
        return SANL_OK;
    }
    if (to->kind != kind || (kind == SANL_PICKLE_DICT && count % 2))
        return sanl_fail(SANL_ERR_FORMAT, "%zu items for something that is no %s", count,
                         kind == SANL_PICKLE_DICT ? "dict, or not in pairs" : "list");
    return move(m, sanl_pickle_items(m->pickle, to), count);
}

static enum sanl_status run_add(struct machine *m, uint64_t kind)
{
    return extend(m, kind == SANL_PICKLE_DICT ? 2 : 1, (enum sanl_pickle_kind)kind);
}

static enum sanl_status run_extend(struct machine *m, uint64_t kind)
{
    size_t count = 0;
    SANL_TRY(pop_mark(m, &count));
    return extend(m, count, (enum sanl_pickle_kind)kind);
}

static enum sanl_status run_frozen_set(struct machine *m, uint64_t n)
{
    (void)n;
    size_t count = 0;
    SANL_TRY(pop_mark(m, &count));
    m->stack_count -= count;
    return push(m, OTHER);
}

static enum sanl_status run_put(struct machine *m, uint64_t n)
{
    SANL_TRY(need(m, 1));
    if (n >= m->instructions) /* Python counts up from 0 */
        return sanl_fail(SANL_ERR_FORMAT, "memo %llu, but so many values cannot have been made",
                         (unsigned long long)n);
    const size_t index = (size_t)n;
    SANL_TRY(sanl_grow(&m->memo, &m->memo_capacity, index + 1, sizeof *m->memo));
    while (m->memo_count <= index)
        m->memo[m->memo_count++] = 0;
    m->memo[index] = (size_t)m->stack[m->stack_count - 1] + 1;
    return SANL_OK;
}

static enum sanl_status run_memoize(struct machine *m, uint64_t n)
{
    (void)n;
    return run_put(m, m->memoized++);
}

static enum sanl_status run_get(struct machine *m, uint64_t n)
{
    if (n >= m->memo_count || !m->memo[n])
        return sanl_fail(SANL_ERR_FORMAT, "memo %llu holds nothing", (unsigned long long)n);
    return push(m, (uint32_t)(m->memo[n] - 1));
}

/* ---- instructions: names and calls --------------------------------------------------------------- */

static enum sanl_status push_class(struct machine *m, const char *module, const char *name)
{
    struct sanl_pickle_value value = {.kind = SANL_PICKLE_CLASS};
    SANL_TRY(sanl_pickle_class_find(&value.is.type, module, name));
    return push_new(m, value);
}

static enum sanl_status run_global(struct machine *m, uint64_t n)
{
    (void)n;
    char module[NAME_BYTES], name[NAME_BYTES];
    SANL_TRY(read_line(m, module));
    SANL_TRY(read_line(m, name));
    return push_class(m, module, name);
}

static enum sanl_status run_stack_global(struct machine *m, uint64_t n)
{
    (void)n;
    SANL_TRY(need(m, 2));
    const struct sanl_pickle_value *module = from_top(m, 1), *name = from_top(m, 0);
    if (module->kind != SANL_PICKLE_TEXT || name->kind != SANL_PICKLE_TEXT)
        return sanl_fail(SANL_ERR_FORMAT, "a global whose name is no text");
    m->stack_count -= 2;
    return push_class(m, m->pickle->text + module->is.place, m->pickle->text + name->is.place);
}

/* An instance of a class of protocol 0: none of the list's. */
static enum sanl_status run_instance(struct machine *m, uint64_t n)
{
    SANL_TRY(run_global(m, n));
    return sanl_fail(SANL_ERR_FORMAT, "an instance in a way that weights do not need");
}

static enum sanl_status make_dict(struct machine *m, const struct sanl_pickle_value *arguments)
{
    const struct sanl_pickle_items *given = sanl_pickle_items(m->pickle, arguments);
    if (given->count == 0)
        return push_items(m, SANL_PICKLE_DICT);
    struct sanl_pickle_value from = m->pickle->values[given->values[0]];
    if (given->count != 1 || (from.kind != SANL_PICKLE_LIST && from.kind != SANL_PICKLE_DICT))
        return sanl_fail(SANL_ERR_FORMAT, "a dict made from something else than a list or a dict");
    if (from.kind == SANL_PICKLE_LIST)
        from.kind = SANL_PICKLE_PAIRS;
    return push_new(m, from); /* the items are shared */
}

/* Takes a class and a tuple of arguments from the stack, and puts what the class makes of them there. */
static enum sanl_status run_call(struct machine *m, uint64_t n)
{
    (void)n;
    SANL_TRY(need(m, 2));
    const struct sanl_pickle_value type = *from_top(m, 1), arguments = *from_top(m, 0);
    if (type.kind != SANL_PICKLE_CLASS || arguments.kind != SANL_PICKLE_TUPLE)
        return sanl_fail(SANL_ERR_FORMAT, "a call expected a function and a tuple of arguments");
    const struct sanl_pickle_items *given = sanl_pickle_items(m->pickle, &arguments);
    m->stack_count -= 2;
    switch (type.is.type->use) {
    case SANL_PICKLE_MAKES_OTHER:
        return push(m, OTHER);
    case SANL_PICKLE_MAKES_DICT:
        return make_dict(m, &arguments);
    case SANL_PICKLE_MAKES_TENSOR:
        return push_new(m, (struct sanl_pickle_value){SANL_PICKLE_TENSOR, {.place = arguments.is.place}});
    case SANL_PICKLE_MAKES_ARGUMENT:
        if (given->count)
            return push(m, given->values[0]);
        break;
    case SANL_PICKLE_STORAGE_TYPE:
        break;
    }
    return sanl_fail(SANL_ERR_FORMAT, "a call of '%s.%s' in a way that weights do not need",
                     type.is.type->module, type.is.type->name);
}

/* The state of an object goes: a dict's attributes, a parameter's hooks. */
static enum sanl_status run_build(struct machine *m, uint64_t n)
{
    (void)n;
    SANL_TRY(need(m, 2));
    const enum sanl_pickle_kind kind = from_top(m, 1)->kind;
    const struct sanl_pickle_items *state = sanl_pickle_items(m->pickle, from_top(m, 0));
    const bool sound = kind == SANL_PICKLE_OTHER || kind == SANL_PICKLE_DICT || kind == SANL_PICKLE_PAIRS ||
                       (kind == SANL_PICKLE_TENSOR && state && state->count == 3);
    if (!sound)
        return sanl_fail(SANL_ERR_FORMAT, "a state for something that weights have none for");
    m->stack_count--;
    return SANL_OK;
}

/* The one kind of persistent id that torch.save knows: a storage. */
static enum sanl_status run_persistent(struct machine *m, uint64_t n)
{
    (void)n;
    SANL_TRY(need(m, 1));
    const struct sanl_pickle_value id = *from_top(m, 0);
    if (id.kind != SANL_PICKLE_TUPLE)
        return sanl_fail(SANL_ERR_FORMAT, "a persistent id that is no tuple");
    m->stack_count--;
    return push_new(m, (struct sanl_pickle_value){SANL_PICKLE_STORAGE, {.place = id.is.place}});
}

/* ---- the machine --------------------------------------------------------------------------------- */

/* Instructions of the protocols 1 to 5 as torch.save uses them. `width` bytes of a number follow and are
 * given to `run`; without any it is given `number`. */
/* clang-format off */
static const struct instruction {
    unsigned char code, width;
    enum sanl_status (*run)(struct machine *m, uint64_t n);
    uint64_t number;
} instructions[] = {
    {0x80, 1, run_nothing, 0}, {0x95, 8, run_nothing, 0}, /* the protocol, a frame */
    {'.', 0, run_stop, 0},
    {'N', 0, run_other, 0}, {0x8F, 0, run_other, 0}, {'G', 8, run_other, 0}, /* None, a set, a float */
    {0x88, 0, run_int, 1}, {0x89, 0, run_int, 0},                            /* True, False */
    {'K', 1, run_int, 0}, {'M', 2, run_int, 0}, {'J', 4, run_int32, 0},
    {0x8A, 1, run_long, 0}, {0x8B, 4, run_long, 0},
    {'X', 4, run_text, 0}, {0x8C, 1, run_text, 0}, {0x8D, 8, run_text, 0},
    {'U', 1, run_text, 0}, {'T', 4, run_text, 0}, /* of Python 2 */
    {'C', 1, run_bytes, 0}, {'B', 4, run_bytes, 0}, {0x8E, 8, run_bytes, 0}, {0x96, 8, run_bytes, 0},
    {'(', 0, run_mark, 0}, {'t', 0, run_tuple_to_mark, 0},
    {')', 0, run_tuple, 0}, {0x85, 0, run_tuple, 1}, {0x86, 0, run_tuple, 2}, {0x87, 0, run_tuple, 3},
    {']', 0, run_new, SANL_PICKLE_LIST}, {'}', 0, run_new, SANL_PICKLE_DICT},
    {'a', 0, run_add, SANL_PICKLE_LIST}, {'s', 0, run_add, SANL_PICKLE_DICT},
    {'e', 0, run_extend, SANL_PICKLE_LIST}, {'u', 0, run_extend, SANL_PICKLE_DICT},
    {0x90, 0, run_extend, SANL_PICKLE_OTHER}, {0x91, 0, run_frozen_set, 0},
    {'q', 1, run_put, 0}, {'r', 4, run_put, 0}, {0x94, 0, run_memoize, 0},
    {'h', 1, run_get, 0}, {'j', 4, run_get, 0},
    {'c', 0, run_global, 0}, {0x93, 0, run_stack_global, 0}, {'i', 0, run_instance, 0},
    {'R', 0, run_call, 0}, {0x81, 0, run_call, 0}, /* of a function, of a class */
    {'b', 0, run_build, 0}, {'Q', 0, run_persistent, 0},
};
/* clang-format on */

static enum sanl_status run_next(struct machine *m)
{
    unsigned char code;
    if (m->instructions++ == LIMIT_INSTRUCTIONS)
        return sanl_fail(SANL_ERR_FORMAT,
                         "a pickle of more than %d instructions; weights alone need far less",
                         LIMIT_INSTRUCTIONS);
    SANL_TRY(read_bytes(m, &code, 1));
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++) {
        const struct instruction *next = &instructions[i];
        if (next->code != code)
            continue;
        uint64_t number = next->number;
        if (next->width)
            SANL_TRY(read_number(m, &number, next->width));
        return next->run(m, number);
    }
    return sanl_fail(SANL_ERR_FORMAT, "instruction 0x%02x is not one that weights need", code);
}

static enum sanl_status run(struct machine *m)
{
    SANL_TRY(push_new(m, (struct sanl_pickle_value){.kind = SANL_PICKLE_OTHER}));
    SANL_TRY(push_items(m, SANL_PICKLE_TUPLE));
    m->stack_count = 0;
    while (!m->stopped) {
        const uint64_t at = m->at;
        const enum sanl_status status = run_next(m);
        if (status != SANL_OK)
            return sanl_fail_prefix(status, "byte %llu", (unsigned long long)at);
    }
    return SANL_OK;
}

enum sanl_status sanl_pickle_read(struct sanl_pickle **out, FILE *file, uint64_t limit)
{
    struct machine m = {.file = file, .limit = limit};
    *out = m.pickle = sanl_calloc(1, sizeof *m.pickle);
    const enum sanl_status status = m.pickle ? run(&m) : SANL_ERR_MEMORY;
    free(m.stack);
    free(m.marks);
    free(m.memo);
    if (status != SANL_OK) {
        sanl_pickle_free(*out);
        *out = NULL;
    }
    return status;
}
