"""ARM ids: parsed once, compared without case, as Azure does (the SDKs mix `resourceGroups` and `resourcegroups`)."""

from __future__ import annotations

from dataclasses import dataclass

MACHINE_LEARNING = "Microsoft.MachineLearningServices"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """A resource (`.../jobs/J`), a collection (`.../jobs`) or an action (`.../jobs/J/cancel`) as text.

    `pattern` is the lower-case shape with `*` for names, counted from the last provider, for example
    `microsoft.machinelearningservices/workspaces/*/jobs/*/cancel`; `names` are the names in that part.
    """

    text: str
    scope: str
    pattern: str
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.text.lower()

    @property
    def name(self) -> str:
        return self.text.rpartition("/")[2]

    @property
    def type(self) -> str:
        """The resource type without names: `microsoft.machinelearningservices/workspaces/jobs`."""
        return self.pattern.replace("/*", "")

    @property
    def parent(self) -> str:
        """The id one name above: of a version its container, of a job its workspace."""
        return self.text.rsplit("/", 2)[0]

    @property
    def target(self) -> str:
        """Of a collection or an action, the resource it belongs to: of `.../jobs/J/cancel` the job."""
        return self.text.rpartition("/")[0]

    @property
    def subscription(self) -> str:
        return _after(self.text, "subscriptions")

    @property
    def group(self) -> str:
        return _after(self.text, "resourcegroups")

    @property
    def workspace(self) -> str:
        """The Azure ML workspace the id belongs to, "" if none."""
        return _after(self.text, "workspaces") if f"{MACHINE_LEARNING}/".lower() in self.key else ""

    @property
    def workspace_id(self) -> str:
        """The ARM id of that workspace; ValueError if the id is outside any workspace."""
        head, separator, tail = _partition(self.text, f"/providers/{MACHINE_LEARNING}/workspaces/")
        if not separator:
            raise ValueError(f"{self.text} is not inside a workspace")
        return head + separator + tail.partition("/")[0]


def parse(text: str) -> ResourceId:
    """Read the path of a URL or an id; ValueError if it does not start with `/subscriptions/`."""
    text = "/" + text.strip("/")
    if not (text.lower() + "/").startswith("/subscriptions/"):
        raise ValueError(f"{text!r} is not an ARM id: it must start with /subscriptions/")
    index = text.lower().rfind("/providers/")
    scope, relative = (text[:index], text[index + len("/providers/") :]) if index > 0 else ("", text[1:])
    segments = relative.split("/")
    first_name = 2 if index > 0 else 1
    shape = ["*" if _is_name(position, first_name) else segment for position, segment in enumerate(segments)]
    names = tuple(segment for position, segment in enumerate(segments) if _is_name(position, first_name))
    return ResourceId(text, scope, "/".join(shape).lower(), names)


def workspace_id(subscription: str, group: str, workspace: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{MACHINE_LEARNING}/workspaces/{workspace}"


def _is_name(position: int, first_name: int) -> bool:
    return position >= first_name and (position - first_name) % 2 == 0


def _partition(text: str, separator: str) -> tuple[str, str, str]:
    index = text.lower().find(separator.lower())
    if index < 0:
        return text, "", ""
    end = index + len(separator)
    return text[:index], text[index:end], text[end:]


def _after(text: str, word: str) -> str:
    return _partition(text, f"/{word}/")[2].partition("/")[0]
