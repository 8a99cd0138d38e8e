/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of idphotod. Each gets the configuration and what is left of
 * the command line, and returns an exit code of <sysexits.h>.
 */
#ifndef IDPHOTOD_COMMANDS_H
#define IDPHOTOD_COMMANDS_H

#include "base/config.h"

enum {
    EXIT_DONE = 0,
    EXIT_WRONG = 1,
    EXIT_USAGE = 64,
    EXIT_UNAVAILABLE = 69,
    EXIT_BUG = 70,
    EXIT_CONFIG = 78
};

struct command_line {
    char **words; /* after the subcommand, options taken out; NULL-ended */
    int count;
    const char *dir, *role, *now, *day, *format, *to; /* options; NULL when not given */
    bool rotate, once;
};

int command_serve(const struct config *c, const struct command_line *line);
int command_migrate(const struct config *c, const struct command_line *line);
int command_keygen(const struct config *c, const struct command_line *line);
int command_ratchet(const struct config *c, const struct command_line *line);
int command_operator(const struct config *c, const struct command_line *line);
int command_purge(const struct config *c, const struct command_line *line);
int command_ledger(const struct config *c, const struct command_line *line);
int command_audit(const struct config *c, const struct command_line *line);
int command_config(const struct config *c, const struct command_line *line);
int command_openapi(const struct config *c, const struct command_line *line);
int command_version(const struct config *c, const struct command_line *line);

/* The exit code that a status calls for. */
int exit_of(enum status s);

#endif
