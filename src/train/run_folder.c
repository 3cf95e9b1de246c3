#include "train/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/file.h"

enum { LOG_LIMIT_BYTES = 1 << 30 };

static const char *const names[SANL_RUN_FILES] = {
    "config.yaml", "best.safetensors", "last.safetensors", "state.safetensors", "log.jsonl", "epochs.csv",
};

static enum sanl_status check_mode(const struct sanl_run_folder *run, const char *folder,
                                   enum sanl_train_mode mode)
{
    if (mode == SANL_TRAIN_RESUME && !sanl_file_exists(run->paths[SANL_RUN_STATE]))
        return sanl_fail(SANL_ERR_USAGE, "%s: no run to resume here: it has no %s", folder,
                         names[SANL_RUN_STATE]);
    for (int i = SANL_RUN_BEST; i <= SANL_RUN_STATE && mode == SANL_TRAIN_NEW; i++)
        if (sanl_file_exists(run->paths[i]))
            return sanl_fail(SANL_ERR_USAGE,
                             "%s: a run stands here already (%s): give another out=FOLDER, --resume to go on "
                             "with it, or --overwrite",
                             folder, names[i]);
    return SANL_OK;
}

/* Where the file system has no locks there is none. */
static enum sanl_status claim(struct sanl_run_folder *run, const char *folder)
{
    run->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    run->locked = run->lock >= 0;
    if (run->locked && flock(run->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return sanl_fail(SANL_ERR_USAGE, "%s: another process is training here: give another out=FOLDER",
                         folder);
    return SANL_OK;
}

enum sanl_status sanl_run_folder_open(struct sanl_run_folder *out, const char *folder,
                                      enum sanl_train_mode mode)
{
    memset(out, 0, sizeof *out);
    if (!folder[0])
        return sanl_fail(SANL_ERR_USAGE, "out: expected the folder of the run, found ''");
    enum sanl_status status = SANL_OK;
    for (int i = 0; i < SANL_RUN_FILES && status == SANL_OK; i++)
        if (!(out->paths[i] = sanl_path_join(folder, names[i])))
            status = SANL_ERR_MEMORY;
    if (status == SANL_OK && sanl_folder_exists(folder))
        status = claim(out, folder);
    if (status == SANL_OK)
        status = check_mode(out, folder, mode);
    if (status != SANL_OK)
        sanl_run_folder_close(out);
    return status;
}

/* The number that tells where a line belongs: {"step": N, or N, at its start; 0 for a head line. */
static long line_number(const char *line)
{
    static const char step[] = "{\"step\": ";
    return strtol(line + (strncmp(line, step, sizeof step - 1) == 0 ? sizeof step - 1 : 0), NULL, 10);
}

/* Keeps the lines up to number `last`, which stand in front of the others. */
static enum sanl_status cut_log(const char *path, long last)
{
    char *text;
    size_t length;
    if (!sanl_file_exists(path))
        return SANL_OK;
    SANL_TRY(sanl_file_read(&text, &length, path, LOG_LIMIT_BYTES));
    size_t kept = 0;
    for (char *end; (end = strchr(text + kept, '\n')) && line_number(text + kept) <= last;)
        kept = (size_t)(end - text) + 1;
    const enum sanl_status status = sanl_file_write(path, text, kept);
    free(text);
    return status;
}

static enum sanl_status open_log(FILE **out, const char *path)
{
    *out = fopen(path, "a");
    return *out ? SANL_OK : sanl_fail_errno(SANL_ERR_IO, "%s: cannot open for writing", path);
}

static enum sanl_status take_away(const char *path)
{
    if (sanl_file_exists(path) && unlink(path) != 0)
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot remove", path);
    return SANL_OK;
}

static enum sanl_status write_config(struct sanl_run_folder *run)
{
    if (!run->config)
        return SANL_OK;
    SANL_TRY(sanl_file_write(run->paths[SANL_RUN_CONFIG], run->config, strlen(run->config)));
    free(run->config);
    run->config = NULL;
    return SANL_OK;
}

enum sanl_status sanl_run_folder_saved(struct sanl_run_folder *run, enum sanl_run_file file)
{
    for (int i = SANL_RUN_BEST; i <= SANL_RUN_STATE && run->replaces; i++)
        if (i != (int)file)
            SANL_TRY(take_away(run->paths[i]));
    run->replaces = false;
    return write_config(run);
}

enum sanl_status sanl_run_folder_begin(struct sanl_run_folder *run, const struct sanl_config *config,
                                       enum sanl_train_mode mode, long step, int epoch)
{
    SANL_TRY(sanl_folder_make(config->out));
    if (!run->locked) { /* it is new, or was when it was opened */
        SANL_TRY(claim(run, config->out));
        SANL_TRY(check_mode(run, config->out, mode));
    }
    for (int i = 0; i < SANL_RUN_FILES; i++)
        sanl_output_sweep(run->paths[i]);
    run->replaces = mode != SANL_TRAIN_RESUME;
    for (int i = SANL_RUN_LOG; i < SANL_RUN_FILES && run->replaces; i++)
        SANL_TRY(take_away(run->paths[i]));
    if (mode == SANL_TRAIN_RESUME) {
        SANL_TRY(cut_log(run->paths[SANL_RUN_LOG], step));
        SANL_TRY(cut_log(run->paths[SANL_RUN_EPOCHS], epoch));
    }
    SANL_TRY(sanl_config_dump(&run->config, config, false));
    if (!sanl_file_exists(run->paths[SANL_RUN_STATE]))
        SANL_TRY(write_config(run));
    SANL_TRY(open_log(&run->log, run->paths[SANL_RUN_LOG]));
    SANL_TRY(open_log(&run->epochs, run->paths[SANL_RUN_EPOCHS]));
    if (fseek(run->epochs, 0, SEEK_END) == 0 && ftell(run->epochs) == 0)
        fprintf(run->epochs,
                "epoch,step,loss,lr,%s,error,best,skipped,images_per_second,wait_share,seconds\n",
                config->task == SANL_TASK_LANDMARK ? "ne_peer,ne" : "top1");
    return SANL_OK;
}

void sanl_run_folder_close(struct sanl_run_folder *run)
{
    for (int i = 0; i < SANL_RUN_FILES; i++)
        free(run->paths[i]);
    if (run->log)
        fclose(run->log);
    if (run->epochs)
        fclose(run->epochs);
    if (run->locked)
        close(run->lock);
    free(run->config);
    memset(run, 0, sizeof *run);
}

static enum sanl_status flush(FILE *file, const char *path)
{
    if (fflush(file) != 0 || ferror(file))
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot write", path);
    return SANL_OK;
}

enum sanl_status sanl_run_folder_log_step(struct sanl_run_folder *run, enum sanl_task task,
                                          const struct sanl_log_step *line)
{
    const float *p = line->parts;
    fprintf(run->log, "{\"step\": %ld, \"epoch\": %d, \"loss\": %.9g", line->step, line->epoch, line->loss);
    if (task == SANL_TASK_LANDMARK)
        fprintf(run->log, ", \"loss_coarse\": [%.9g, %.9g, %.9g, %.9g], \"loss_fine\": %.9g", (double)p[0],
                (double)p[1], (double)p[2], (double)p[3], (double)p[4]);
    fprintf(run->log, ", \"lr\": %.9g, \"gradient_norm\": %.9g", line->lr, (double)line->gradient_norm);
    fprintf(run->log, ", \"images_per_second\": %.2f, \"wait_share\": %.4f}\n", line->images_per_second,
            line->wait_share);
    return flush(run->log, run->paths[SANL_RUN_LOG]);
}

/* A field; empty for what is not a number. */
static void put(FILE *file, double value)
{
    if (isfinite(value))
        fprintf(file, "%.9g", value);
    fputc(',', file);
}

enum sanl_status sanl_run_folder_log_epoch(struct sanl_run_folder *run, enum sanl_task task,
                                           const struct sanl_log_epoch *line)
{
    FILE *file = run->epochs;
    fprintf(file, "%d,%ld,", line->epoch, line->step);
    put(file, line->loss);
    put(file, line->lr);
    if (task == SANL_TASK_LANDMARK) {
        put(file, line->ne_peer);
        put(file, line->ne);
    } else {
        put(file, line->top1);
    }
    put(file, line->error);
    fprintf(file, "%s,%d,%.2f,%.4f,%.2f\n", line->best ? "yes" : "no", line->skipped, line->images_per_second,
            line->wait_share, line->seconds);
    return flush(file, run->paths[SANL_RUN_EPOCHS]);
}
