"""CVAT's XML: one file for a task or a project, of images (version 1.1) or of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from drivemeta.data.dataset import Dataset, SetAside
from drivemeta.data.readers.cvat_shapes import (
    NO_AREA,
    SHAPES,
    UNKNOWN,
    Task,
    is_round,
    listed_classes,
    shape_box,
    tasks_of,
)
from drivemeta.data.readers.files import parse_xml
from drivemeta.data.readers.finder import ImageFinder, usual_folders
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, ReaderFindings, dataset_of
from drivemeta.data.readers.reading import AS_IT_IS, Reading
from drivemeta.data.readers.values import as_name, as_size, short
from drivemeta.errors import AnnotationError


def read_cvat(
    path: str | Path, images: str | Path | None = None, reading: Reading = AS_IT_IS
) -> Dataset:
    """Read a CVAT XML file ("CVAT for images 1.1" or "CVAT for video 1.1").

    Boxes are taken, upright ones round turned ones, and the boxes round polygons, ellipses and
    masks; other shapes are set aside. Of a video see `read_cvat_video`.

    Args:
        path: XML file.
        images: Folder of the images or of the video; if None, the usual ones beside the XML.
        reading: Which task of a project to take, see `Reading.task`.

    Raises:
        AnnotationError: the file is no such XML, a shape lacks its label or coordinates, an
            image is missing, or two tasks name one image; names the file and the image.
    """
    path = Path(path)
    root = parse_xml(path)
    if root.tag != "annotations":
        raise AnnotationError(
            f"{path}: expected CVAT's <annotations>, found <{root.tag}>; export the task as "
            "'CVAT for images 1.1' or 'CVAT for video 1.1'"
        )
    tasks = _chosen(path, tasks_of(root), reading)
    if root.find("track") is not None:
        if root.find("image") is not None:
            raise AnnotationError(
                f"{path}: holds both images and tracks; export the tasks one by one"
            )
        # Only here: it loads the video library.
        from drivemeta.data.readers.cvat_video import read_cvat_video  # noqa: PLC0415

        return read_cvat_video(path, root, images, tasks)
    folders = [Path(images)] if images is not None else usual_folders(path.parent)
    task_file = _TaskFile(path, tasks, ImageFinder(folders), folders)
    parsed = [
        task_file.image(element)
        for element in root.findall("image")
        if reading.task is None or element.get("task_id") in {None, *(t.number for t in tasks)}
    ]
    found = ReaderFindings("CVAT for images", task_file.set_aside, task_file.finder.renamed)
    return dataset_of(parsed, path, found, listed_classes(root, parsed))


def _chosen(path: Path, tasks: Sequence[Task], reading: Reading) -> list[Task]:
    if reading.task is None:
        return list(tasks)
    chosen = [task for task in tasks if reading.task in (task.number, task.name)]
    if not chosen:
        known = ", ".join(f"{task.number} ({task.name})" for task in tasks)
        raise AnnotationError(f"{path}: no task {reading.task!r}; it holds {known}")
    return chosen


@dataclass
class _TaskFile:
    """An XML file of images as it is read."""

    path: Path
    tasks: Sequence[Task]
    finder: ImageFinder
    folders: Sequence[Path]
    set_aside: list[SetAside] = field(default_factory=list)
    owners: dict[Path, str] = field(default_factory=dict)

    def image(self, element: Element) -> ParsedImage:
        """Return one image with its boxes."""
        name, where = element.get("name", ""), f"{self.path}: image {element.get('id')}"
        size = as_size(element.get("height"), element.get("width"), where)
        if size is None:
            raise AnnotationError(f"{where}: expected its width and height, found none")
        file = self._file(element, name, where)
        boxes = []
        for number, shape in enumerate(element, start=1):
            entry = f"image {short(name)} {shape.tag} {number}"
            if shape.tag not in SHAPES:
                label = short(shape.get("label", ""))
                why = NO_AREA.get(shape.tag, UNKNOWN)
                self.set_aside.append(SetAside(self.path.name, f"{entry} ({label})", why))
            else:
                label = as_name(shape.get("label"), f"{self.path}: {entry}: label")
                box = shape_box(shape, f"{self.path}: {entry}")
                boxes.append(ParsedBox(entry, box, label, is_round=is_round(shape)))
        attributes = {"split": subset} if (subset := element.get("subset")) else {}
        return ParsedImage(file, size, boxes, attributes)

    def _file(self, element: Element, name: str, where: str) -> Path:
        number = element.get("task_id", "")
        task = next((task for task in self.tasks if task.number == number), None)
        places = [element.get("subset", ""), task.name if task else ""]
        try:
            file = self._found(name, where, places)
        except AnnotationError:
            file_of_video = self._frame(name, task or self.tasks[0], where)
            if file_of_video is None:
                raise
            file = file_of_video
        if self.owners.setdefault(file, number) != number:
            raise AnnotationError(
                f"{where}: {file} is named by task {self.owners[file]} and by task {number}; keep "
                "the images of each in a folder of the task's name, or say --read task="
                f"{number} and give its images"
            )
        return file

    def _found(self, name: str, where: str, places: Sequence[str]) -> Path:
        """Return the image, from the folder of its task or subset if there is one."""
        for place in places[::-1]:
            if place and any((folder / place).is_dir() for folder in self.folders):
                return self.finder.find(name, where, subset=place)
        return self.finder.find(name, where, subset=places[0])

    def _frame(self, name: str, task: Task, where: str) -> Path | None:
        """Return a frame of the task's video, by the number in its name, if that video is there."""
        digits = name.rpartition("_")[2].split(".")[0]
        if not task.source or not digits.isdecimal() or len(digits) > 9:
            return None
        from drivemeta.data.readers.cvat_frames import decoded, named_video  # noqa: PLC0415

        video = named_video(task.source, self.folders)
        return decoded(where, video, [int(digits)])[int(digits)] if video else None
