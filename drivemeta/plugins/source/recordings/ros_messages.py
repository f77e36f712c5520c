"""Messages of ROS 1 and ROS 2, by the definitions that a recording holds (`rosbags`)."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

from rosbags.serde import SerdeError
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)
from rosbags.typesys.store import Typestore

from drivemeta.errors import VideoError

# What the parsers and the readers made by them raise of a damaged definition or message.
UNREADABLE = (
    *(TypesysError, SerdeError, struct.error, AssertionError),
    *(ValueError, LookupError, TypeError, AttributeError),
)
_RULE = "=" * 80
_STORES = {"ros1": Stores.ROS1_NOETIC, "cdr": Stores.LATEST}


class RosMessages:
    """Decodes messages of one kind of ROS.

    Types that a recording does not define are those of ROS 1 Noetic, or of the latest ROS 2.

    Args:
        encoding: Encoding of the messages: `ros1` or `cdr`.
        name: Name of their type, such as `sensor_msgs/msg/CompressedImage`.
        form: What the definition is written in: `ros1msg`, `ros2msg`, `ros2idl`, or nothing.
        definition: The definition; may be empty.

    Raises:
        VideoError: the definition cannot be read, or is absent and the type no common one.
    """

    def __init__(self, encoding: str, name: str, form: str, definition: bytes) -> None:
        self._is_ros1, self._type = encoding == "ros1", _whole_name(name)
        common = _STORES[encoding]
        try:
            types = _defined(definition.decode("utf-8", "replace"), form, self._type)
            self._types = _store_of(types, self._type, common)
        except UNREADABLE as error:
            raise VideoError(f"no usable definition of {name} ({form or 'none'})") from error

    def decode(self, data: bytes) -> Any:
        """Return a message as an object with its fields.

        Raises:
            whatever is in `UNREADABLE`: the message is damaged.
        """
        if self._is_ros1:
            return self._types.deserialize_ros1(data, self._type)
        return self._types.deserialize_cdr(data, self._type)


def _defined(text: str, form: str, name: str) -> dict[str, Any]:
    """Return the types that a text defines."""
    if form != "ros2idl":
        return dict(get_types_from_msg(text, name)) if text.strip() else {}
    types: dict[str, Any] = {}
    for part in text.split(_RULE):
        lines = part.strip().splitlines()
        inside = "\n".join(lines[1:] if lines and lines[0].startswith("IDL: ") else lines)
        types |= get_types_from_idl(inside) if inside.strip() else {}
    return types


def _store_of(types: dict[str, Any], wanted: str, common: Stores) -> Typestore:
    """Return a store that knows a type, with the common ones only where it needs them: slow."""
    with suppress(*UNREADABLE):
        store = get_typestore(Stores.EMPTY)
        store.register(types)
        store.get_msgdef(wanted)
        return store
    store = get_typestore(Stores.EMPTY)
    store.register({**get_typestore(common).fielddefs, **types})
    store.get_msgdef(wanted)
    return store


def _whole_name(name: str) -> str:
    """Return a type's name as ROS 2 writes it.

    >>> _whole_name("sensor_msgs/Image"), _whole_name("sensor_msgs/msg/Image")
    ('sensor_msgs/msg/Image', 'sensor_msgs/msg/Image')
    """
    package, *_, kind = name.split("/") if "/" in name else ("", name)
    return f"{package}/msg/{kind}"
