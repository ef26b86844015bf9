"""The commands of a typer application, by all of their words."""

import typer


def commands(app: typer.Typer) -> list[str]:
    return sorted(_below(typer.main.get_command(app)))


def _below(group, *before):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(command, *before, name)
        else:
            yield " ".join((*before, name))
