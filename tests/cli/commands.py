"""The commands of a typer application, by all of their words, and their options."""

import typer


def commands(app: typer.Typer) -> list[str]:
    return sorted(_below(typer.main.get_command(app)))


def options(app: typer.Typer, command: str) -> list:
    found = typer.main.get_command(app)
    for word in command.split():
        found = found.commands[word]
    return found.params


def _below(group, *before):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(command, *before, name)
        else:
            yield " ".join((*before, name))
