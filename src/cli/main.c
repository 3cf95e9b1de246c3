/* The program: finds the command, reads its arguments, runs it, and turns its status into an exit code:
 * 0, 1 for a run-time error, 2 for a usage error, 130 when interrupted. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sanlcl/interrupt.h>
#include <sanlcl/log.h>
#include <sanlcl/text.h>
#include "cli/commands.h"
#include "cli/progress.h"

enum { EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* The first signal asks for a stop at the next safe point, the second ends the program at once; but a
 * terminal that is closed sends several. */
static void on_stop(int signal_number)
{
    static const char text[] =
        "\nsanlcl: stopping at the next safe point; a second signal ends the program at once\n";
    const int code = errno;
    if (!sanl_interrupted()) {
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
        sanl_interrupt_request();
    } else if (signal_number != SIGHUP) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
    errno = code;
}

/* SIGHUP stays ignored where it is, as by nohup. A reader of our output that goes away is a failed write, not
 * a signal, and so is a limit on the size of files. */
static void set_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN}, before;
    sigemptyset(&stop.sa_mask);
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
}

static void print_notice(void *payload, enum sanl_log_level level, const char *line)
{
    (void)payload;
    if (level != SANL_LOG_DEBUG || getenv("SANLCL_DEBUG"))
        sanl_progress_print("%s%s", level == SANL_LOG_WARNING ? "sanlcl: warning: " : "", line);
}

static void print_help(FILE *file)
{
    fputs("usage: sanlcl COMMAND [OPTION...]\n\nFashion-landmark detection on any OpenCL "
          "device.\n\ncommands:\n",
          file);
    for (const struct sanl_command *const *c = sanl_commands; *c; c++)
        fprintf(file, "  %-10s %s\n", (*c)->name, (*c)->summary);
    fputs("\n'sanlcl COMMAND --help' explains one; 'sanlcl --version' tells the version.\n", file);
}

static const struct sanl_command *find_command(const char *name)
{
    for (const struct sanl_command *const *c = sanl_commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static int fail_command(const char *name)
{
    const char *best = sanl_commands[0]->name;
    for (const struct sanl_command *const *c = sanl_commands; *c; c++)
        if (sanl_text_distance(name, (*c)->name) < sanl_text_distance(name, best))
            best = (*c)->name;
    if (sanl_text_distance(name, best) <= 1 + strlen(name) / 3)
        (void)!sanl_cli_fail(SANL_ERR_USAGE, "unknown command '%s'; did you mean '%s'?", name, best);
    else
        (void)!sanl_cli_fail(SANL_ERR_USAGE, "unknown command '%s'", name);
    fprintf(stderr, "sanlcl: %s\nTry 'sanlcl help'.\n", sanl_cli_message());
    return EXIT_USAGE;
}

static int report(const struct sanl_command *command, enum sanl_status status)
{
    sanl_progress_end();
    if (status == SANL_OK)
        return EXIT_SUCCESS;
    const char *message = sanl_cli_message()[0] ? sanl_cli_message() : sanl_error_message();
    if (status == SANL_ERR_INTERRUPTED) {
        fprintf(stderr, "sanlcl: interrupted%s%s\n", message[0] ? ": " : "", message);
        return EXIT_INTERRUPTED;
    }
    if (status != SANL_ERR_USAGE) {
        fprintf(stderr, "sanlcl: %s\n", message);
        return EXIT_ERROR;
    }
    fprintf(stderr, "sanlcl %s: %s\nTry 'sanlcl %s --help'.\n", command->name, message, command->name);
    return EXIT_USAGE;
}

static int run_command(const struct sanl_command *command, int argc, char **argv)
{
    struct sanl_args args;
    enum sanl_status status = sanl_args_parse(&args, command, argc, argv);
    if (status == SANL_OK && args.help)
        sanl_args_help(command, stdout);
    else if (status == SANL_OK)
        status = command->run(&args);
    sanl_args_free(&args);
    return report(command, status);
}

static int dispatch(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (!*name) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        puts("sanlcl " SANLCL_VERSION);
        return EXIT_SUCCESS;
    }
    const bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc < 3) {
        print_help(stdout);
        return EXIT_SUCCESS;
    }
    const struct sanl_command *command = find_command(help ? argv[2] : name);
    if (!command)
        return fail_command(help ? argv[2] : name);
    if (help) {
        sanl_args_help(command, stdout);
        return EXIT_SUCCESS;
    }
    return run_command(command, argc - 2, argv + 2);
}

/* On a CPU the device's buffers come from malloc. The GNU C library takes ever larger ones from its heap once
 * some were freed, and then keeps what the weights took before they were repacked. */
static void give_back_freed_memory(void)
{
#ifdef __GLIBC__
    enum { LARGE = 128 << 10 };
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
#endif
}

int main(int argc, char **argv)
{
    give_back_freed_memory();
    set_signals();
    sanl_log_set(print_notice, NULL);
    int code = dispatch(argc, argv);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_SUCCESS) {
        fprintf(stderr, "sanlcl: cannot write to standard output%s%s\n", errno ? ": " : "",
                errno ? strerror(errno) : "");
        code = EXIT_ERROR;
    }
    return code;
}
