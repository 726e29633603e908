"""Options of a command from the fields of its settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer

from agop.runs.settings import Setting

__all__ = ["DataDir", "RunFolder", "Runs", "settings_as_options"]

DataDir: TypeAlias = Annotated[Path | None, typer.Option(envvar="AGOP_DATA", help="Folder with one folder a data set.")]
"""Type of the option for the folder of the data sets."""

RunFolder: TypeAlias = Annotated[Path, typer.Option("--out", help="Folder of the run; an unfinished one is continued.")]
"""Type of the option for the folder of a run."""

Runs: TypeAlias = Annotated[
    list[Path],
    typer.Argument(
        help="Folder of a run (deep-rfm, conv-rfm, train, measure, explain --run, Tracker), or file of agop."
    ),
]
"""Type of the argument that names the runs of a report."""

Command: TypeAlias = Callable[..., None]


def settings_as_options(*arguments: str, **names: str) -> Callable[[Command], Command]:
    """Decorator of a command whose first parameter is its settings: each field becomes an option.

    Type, default, least and largest number and help of an option are those of the field; a field that is a tuple is an
    option to repeat, whose values count once each.

    Parameters
    ----------
    arguments
        Fields that are arguments without a name, in this order.
    names
        Names of the options of fields that are called otherwise on the command line, such as ``seeds="--seed"``.
    """

    def decorate(command: Command) -> Command:
        first, *others = inspect.signature(command).parameters.values()
        hints = get_type_hints(command, include_extras=True)
        settings = hints[first.name]
        declared = {setting.name: setting for setting in Setting.all_of(settings)}

        @wraps(command)
        def with_options(**values: Any) -> None:
            taken = {name: values.pop(name) for name in declared}
            repeated = {name: tuple(dict.fromkeys(taken[name] or ())) for name in taken if declared[name].is_repeated}
            command(settings(**taken | repeated), **values)

        taken = [_argument(declared[name]) for name in arguments]
        own = [each.replace(annotation=hints[each.name], kind=each.KEYWORD_ONLY) for each in others]
        options = [_option(each, names.get(name)) for name, each in declared.items() if name not in arguments]
        with_options.__signature__ = inspect.Signature([*taken, *own, *options])  # type: ignore[attr-defined]
        with_options.__annotations__ = {each.name: each.annotation for each in [*taken, *own, *options]}
        return with_options

    return decorate


def _argument(setting: Setting) -> inspect.Parameter:
    default = None if setting.is_optional else inspect.Parameter.empty
    return _parameter(setting, typer.Argument(help=setting.text), default)


def _option(setting: Setting, name: str | None) -> inspect.Parameter:
    flag = name or f"--{setting.name.replace('_', '-')}"
    if setting.type is bool and setting.default is not False and name is None:
        flag = f"{flag}/--no-{flag[2:]}"
    default = list(setting.default) if setting.is_repeated else setting.default
    default = inspect.Parameter.empty if default is MISSING else default
    return _parameter(setting, typer.Option(flag, help=setting.text, min=setting.least, max=setting.most), default)


def _parameter(setting: Setting, kind: Any, default: Any) -> inspect.Parameter:
    annotation: Any = list[setting.type] if setting.is_repeated else setting.type  # type: ignore[name-defined]
    annotation = annotation | None if setting.is_optional else annotation
    return inspect.Parameter(
        setting.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, kind]
    )
