"""A sink that writes what is seen as subtitles, in WebVTT (https://www.w3.org/TR/webvtt1/)."""

from collections import Counter

from drivemeta.plugins.sink.lines import LineSink


class Subtitles(LineSink):
    """Writes how many objects of each class a frame shows, for as long as it is shown."""

    file_name = "subtitles.vtt"
    header = "WEBVTT\n"

    def open(self, info, resume_at):
        """Begin, or go on; a frame is shown for the time between two."""
        self._shown_s = 1 / info.fps
        super().open(info, resume_at)

    def lines(self, frame, tracks):
        """Return the cue of one frame; none where nothing is seen."""
        counts = Counter(tracks.detections.names)
        if counts:
            yield f"{_time(frame.time_s)} --> {_time(frame.time_s + self._shown_s)}"
            yield ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
            yield ""


def _time(seconds):
    """Return a time as WebVTT has it: hours, minutes, seconds and thousandths."""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
