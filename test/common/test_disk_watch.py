"""Living on with a disk that takes nothing."""

import errno

import pytest

from workcell_ros.disk_watch import DiskWatch


def full():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_once_and_once_more_when_it_takes_something_again():
    said = []
    watch = DiskWatch(said.append, said.append)
    for write in (list, full, full, list, list, full):
        with watch.without("its state"):
            write()
    cannot = "its state cannot be kept: [Errno 28] No space left on device"
    assert said == [cannot, "its state is kept again", cannot]


def test_each_thing_is_told_for_itself():
    said = []
    watch = DiskWatch(said.append, said.append)
    for what in ("its state", "its summary"):
        with watch.without(what):
            full()
    assert len(said) == 2


def test_what_is_not_the_disks_fault_is_not_hidden():
    watch = DiskWatch(print, print)
    with pytest.raises(ValueError, match="a bug"), watch.without("its state"):
        raise ValueError("a bug")
