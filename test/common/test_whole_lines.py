"""A line is appended whole or not at all, also where the disk runs full within it."""

import errno
import os
import resource
import signal

import pytest

from workcell_ros.whole_lines import append_whole

LINE = b"0123456789\n"


@pytest.fixture
def small_disk():
    """Lets this process write no file larger than some bytes: the kernel cuts a write short as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("room", range(1, len(LINE)))
def test_what_the_disk_takes_in_part_is_taken_back(tmp_path, small_disk, room):
    path = tmp_path / "lines"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    append_whole(file, LINE)
    small_disk(len(LINE) + room)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        append_whole(file, LINE)
    assert path.read_bytes() == LINE
    small_disk(resource.RLIM_INFINITY)
    append_whole(file, LINE)
    os.close(file)
    assert path.read_bytes() == 2 * LINE
