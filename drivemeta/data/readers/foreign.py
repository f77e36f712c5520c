"""Names of formats that are known by sight and not read, with what to export instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_COCO = "export the annotations as COCO"
# By keys that the first object has: of a list of objects, or of the file that is one.
_OF_LISTS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"image_id", "category_id", "bbox"}), "detections of COCO without their images"),
    (frozenset({"data", "annotations"}), f"Label Studio's own JSON: {_COCO}"),
    (frozenset({"data", "completions"}), f"Label Studio's own JSON: {_COCO}"),
    (frozenset({"image", "annotations"}), f"CreateML: {_COCO}"),
    (frozenset({"name", "labels"}), f"labels of BDD100K or Scalabel: {_COCO}"),
    (frozenset({"token"}), f"a table of nuImages or nuScenes: {_COCO}"),
    (frozenset({"data_row"}), f"Labelbox's own JSON: {_COCO}"),
)
_OF_OBJECTS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"frames"}), f"labels of BDD100K or Scalabel: {_COCO}"),
    (frozenset({"items", "categories"}), f"Datumaro's own JSON: {_COCO}"),
    (frozenset({"_via_img_metadata"}), f"a project of VIA: {_COCO}"),
    (frozenset({"objects", "size"}), f"Supervisely's own JSON: {_COCO}"),
    (frozenset({"asset", "regions"}), f"VoTT's own JSON: {_COCO}"),
)
_MOST_KEYS = 5


def foreign_format(content: object) -> str:
    """Return what the content of a JSON file that cannot be read is, in words.

    >>> foreign_format([{"image": "a.jpg", "annotations": []}])
    'CreateML: export the annotations as COCO'
    >>> foreign_format({"a": 1})
    "a JSON object of 'a'"
    """
    if isinstance(content, Mapping):
        return _known(content, _OF_OBJECTS) or f"a JSON object of {_keys(content)}"
    if not isinstance(content, list):
        return f"JSON of a {type(content).__name__}"
    first = content[0] if content else None
    if not isinstance(first, Mapping):
        return "a JSON list"
    if _is_short_label_studio(first):
        return f"Label Studio's short JSON: {_COCO}"
    return _known(first, _OF_LISTS) or f"a JSON list of objects of {_keys(first)}"


def _known(content: Mapping[str, object], known: Sequence[tuple[frozenset[str], str]]) -> str:
    return next((words for keys, words in known if keys <= content.keys()), "")


def _is_short_label_studio(first: Mapping[str, object]) -> bool:
    """Tell whether an object is of the short JSON, whose rectangles have names of their own."""
    rows = [row for value in first.values() if isinstance(value, list) for row in value]
    return any(isinstance(row, Mapping) and "rectanglelabels" in row for row in rows)


def _keys(content: Mapping[str, object]) -> str:
    more = ", ..." if len(content) > _MOST_KEYS else ""
    return ", ".join(repr(key)[:40] for key in list(content)[:_MOST_KEYS]) + more or "nothing"
