"""Where a lab may be."""

from pathlib import Path

import pytest

from dev.kubernetes.lab.place import LabError, find_place


@pytest.mark.parametrize("folder", ["/var/lib/lab", "/run/lab", "/tmp/a,b", "/tmp/a:b", "/tmp/a b"])
def test_a_folder_that_a_lab_cannot_use_is_refused(folder: str) -> None:
    with pytest.raises(LabError, match="LAB_DIR"):
        find_place(Path(folder), Path("/programs"))


def test_each_folder_has_a_name_of_its_own_that_stays() -> None:
    names = [find_place(Path(folder), Path("/programs")).name for folder in ("/tmp/a", "/tmp/b", "/tmp/../tmp/a")]
    assert names[0] == names[2] != names[1]
