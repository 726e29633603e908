"""Settings of a run: frozen dataclasses whose fields say what they allow, and whose docstrings say what they are."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from agop.errors import InputError

__all__ = ["AtLeast", "AtMost", "Count", "Seed", "Setting", "check_settings"]


@dataclass(frozen=True)
class AtLeast:
    """Smallest number that a field allows, as in ``Annotated[float, AtLeast(0)]``."""

    number: float


@dataclass(frozen=True)
class AtMost:
    """Largest number that a field allows."""

    number: float


Count = Annotated[int, AtLeast(1)]
"""Type of a number of things, one or more."""

Seed = Annotated[int, AtLeast(0)]
"""Type of a seed."""


@dataclass(frozen=True)
class Setting:
    """One field of settings, as its type, its default and the docstring of its class declare it.

    Attributes
    ----------
    name
        Name of the field.
    type
        Type of a value: a plain type, or Literal of the values that are allowed.
    least, most
        Smallest and largest number that are allowed; None if there is none.
    is_optional, is_repeated
        Whether None is allowed, and whether the field is a tuple of such values.
    default
        Default value; ``dataclasses.MISSING`` if there is none.
    text
        Description of the field: the text of the attribute in the docstring, followed by the texts in its type.
    """

    name: str
    type: Any
    least: float | None
    most: float | None
    is_optional: bool
    is_repeated: bool
    default: Any
    text: str

    @classmethod
    def all_of(cls, settings: type) -> list[Setting]:
        """The fields of a dataclass in their order.

        Examples
        --------
        >>> @dataclass(frozen=True)
        ... class Walk:
        ...     '''A walk.
        ...
        ...     Attributes
        ...     ----------
        ...     steps
        ...         Number of steps;
        ...         all if None.
        ...     '''
        ...
        ...     steps: Count | None = None
        >>> found = Setting.all_of(Walk)[0]
        >>> found.name, found.type, found.least, found.is_optional, found.text
        ('steps', <class 'int'>, 1, True, 'Number of steps; all if None.')
        """
        types, texts = get_type_hints(settings, include_extras=True), _attribute_texts(settings)
        return [cls._of(field, types[field.name], texts.get(field.name, "")) for field in fields(settings)]

    @classmethod
    def _of(cls, field: Any, hint: Any, text: str) -> Setting:
        is_optional = is_repeated = False
        extras: list[Any] = []
        while (origin := get_origin(hint)) in (Annotated, Union, UnionType, tuple):
            if origin is Annotated:
                extras += hint.__metadata__
            is_optional |= NoneType in get_args(hint)
            is_repeated |= origin is tuple
            hint = next(part for part in get_args(hint) if part is not NoneType)
        least, most = (
            next((extra.number for extra in extras if isinstance(extra, bound)), None) for bound in (AtLeast, AtMost)
        )
        text = " ".join([text, *(extra for extra in extras if isinstance(extra, str))]).strip()
        return cls(field.name, hint, least, most, is_optional, is_repeated, field.default, text)

    def check(self, value: Any) -> None:
        """Raise InputError unless the field allows a value."""
        if value is None and self.is_optional:
            return
        for each in value if self.is_repeated else [value]:
            allowed = get_args(self.type) if get_origin(self.type) is Literal else (each,)
            if each not in allowed:
                expected = f"{self.name} to be one of {', '.join(map(str, allowed))}"
                raise InputError(expected, f"{self.name}={each!r}", "Choose one of them.")
            if self.least is not None and not each >= self.least:
                raise InputError(f"{self.name} of {self.least} or more", str(each), "Choose such a number.")
            if self.most is not None and not each <= self.most:
                raise InputError(f"{self.name} of {self.most} or less", str(each), "Choose such a number.")


def check_settings(settings: Any) -> None:
    """Raise InputError for the first field with a value that its declaration does not allow."""
    for setting in Setting.all_of(type(settings)):
        setting.check(getattr(settings, setting.name))


def _attribute_texts(settings: type) -> dict[str, str]:
    """Texts of the section Attributes of a docstring by name; names in one line share theirs."""
    section = (inspect.getdoc(settings) or "").partition("Attributes\n----------\n")[2]
    found: dict[str, str] = {}
    for names, text in re.findall(r"^(\w[\w, ]*)\n((?:    .*\n?)+)", section, re.MULTILINE):
        found |= dict.fromkeys(names.split(", "), re.sub(r"[`*]|:\w+:", "", " ".join(text.split())))
    return found
