# SPDX-License-Identifier: MIT
"""What the server says to PostgreSQL for one request, as a script for pgbench.

PostgreSQL writes each statement and its parameters to its log while the same request is made twice
by each of several people. A value that is always the same stays as it is; one that is the same for
one person becomes that person's; one that is never the same is made anew for each transaction: ids
and hashes from the transaction's number, times and sealed texts, of which only the size counts, as
they were. So the script holds the server's own statements without a copy of them in this folder.
"""
import itertools
import os
import re
import time

from installation import psql

LOG = os.environ["IDPHOTOD_TEST_PGLOG"]
SETTINGS = {"log_statement": "all", "log_error_verbosity": "default",
            "log_parameter_max_length": "-1", "log_line_prefix": "bench %p %v "}
PARAMETER = re.compile(r"\$(\d+) = (NULL|'((?:[^']|'')*)')(?:, |$)")
DIGITS = 19  # of a transaction's number


class Statement:
    def __init__(self, transaction, sql):
        self.transaction, self.sql, self.parameters, self.expressions = transaction, sql, [], []

    def types(self):
        if not self.parameters:
            return []
        return [row[0] for row in psql(
            f"PREPARE one AS {self.sql}; SELECT unnest(parameter_types) FROM pg_prepared_statements")]

    def text(self):
        return re.sub(r"\$(\d+)", lambda m: self.expressions[int(m[1]) - 1], self.sql) + ";\n"


class Recorder:
    """The log tells everything as long as this lives."""

    def __enter__(self):
        for name, setting in SETTINGS.items():
            psql(f"ALTER SYSTEM SET {name} = '{setting}'")
        self.reload(SETTINGS["log_line_prefix"])
        return self

    def __exit__(self, *error):
        for name in SETTINGS:
            psql(f"ALTER SYSTEM RESET {name}")
        self.reload("%m [%p] ")

    @staticmethod
    def reload(prefix):
        """A server's session takes the settings before its next statement."""
        psql("SELECT pg_reload_conf()")
        while psql("SHOW log_line_prefix") != [[prefix]]:
            time.sleep(0.01)

    @staticmethod
    def record(request):
        """The statements of one call of request(), and its answer. Other sessions talk too, such as
        the one that counts for the metrics: the request's is the one that keeps its answer."""
        with open(LOG, encoding="utf-8") as log:
            log.seek(0, os.SEEK_END)
            answer = request()
            lines = log.read().splitlines()
        sessions, own = {}, None
        for line in lines:
            said = re.match(r"bench (\d+) (\S+) (.*)$", line)
            if not said:
                continue
            session = sessions.setdefault(said[1], [])
            execute = re.match(r"LOG:  (?:execute ([^:]+)|statement): (.*)$", said[3])
            parameters = re.match(r"DETAIL:  parameters: (.*)$", said[3])
            if execute:
                session.append(Statement(said[2], execute[2]))
                own = session if execute[1] == "idempotency_finish" else own
            elif parameters:
                session[-1].parameters = [None if m[2] == "NULL" else m[3].replace("''", "'")
                                          for m in PARAMETER.finditer(parameters[1])]
        return own, answer


def quoted(text):
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


class Writer:
    """Turns recordings into scripts. What a later script has from an earlier one, such as the id of
    an order, it says in the same way, so that it finds the rows that the earlier one made."""

    def __init__(self):
        self.made = {}

    def anew(self, values, kind):
        """A value of its own for each transaction, from its number :row."""
        number, first = len(self.made), values[0]
        if kind == "uuid":
            return f"('{number:04x}{first.replace('-', '')[4:32 - DIGITS]}' || :row)"
        if kind == "bytea" and len(first) > DIGITS + 3:
            return f"('{first[:-DIGITS - 1]}0' || :row)"
        if kind == "text" and len(first) > DIGITS:
            return f"('{first[:-DIGITS]}' || :row)"
        return quoted(first)

    def expression(self, people, kind):
        """people: for each of them, the values in the recordings."""
        if len({v for values in people for v in values}) == 1:
            return f"{quoted(people[0][0])}::{kind}"
        if all(len(set(values)) == 1 for values in people):
            listed = ", ".join(quoted(values[0]) for values in people)
            return f"((ARRAY[{listed}]::text[])[:client_id + 1])::{kind}"
        flat = tuple(v for values in people for v in values)
        bare = tuple(v and v.strip("{}") for v in flat)
        if kind.endswith("[]") and bare != flat:
            return f"('{{' || {self.said(bare, kind[:-2])} || '}}')::{kind}"
        return f"{self.said(flat, kind)}::{kind}"

    def said(self, values, kind):
        if values not in self.made:
            self.made[values] = self.anew(values, kind)
        return self.made[values]

    def script(self, people, path, connections):
        """people: for each of them, some recordings of the same request. The script's variables n
        and first are the caller's; transaction k of client c is number first + k * connections + c."""
        shapes = {tuple(s.sql for s in recording) for recordings in people for recording in recordings}
        if len(shapes) != 1:
            raise AssertionError(f"one request, {len(shapes)} conversations")
        model = people[0][0]
        for i, statement in enumerate(model):
            statement.expressions = [
                self.expression([[r[i].parameters[k] for r in recordings] for recordings in people], kind)
                for k, kind in enumerate(statement.types())]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\\set n :n + 1\n" f"\\set row :first + :n * {connections} + :client_id\n")
            for _, together in itertools.groupby(model, key=lambda s: s.transaction):
                file.write("\\startpipeline\n" + "".join(s.text() for s in together) + "\\endpipeline\n")
        return path
