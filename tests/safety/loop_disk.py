"""A disk whose power can be cut: an ext4 file system on a loop device over a file.

`power_cut` asks the kernel to shut the file system down without writing anything more
(FS_IOC_SHUTDOWN, NOLOGFLUSH): what the file system had not written is lost, as when the mains fail. The same call
on the wrong directory would take the machine's own disk away, so it is refused unless the very
file descriptor it would go to lies on a mount of the loop device that was made here.

What is written past the page cache (O_DIRECT) is in the device at once, and stays in the file of a LoopDisk whether
or not anybody syncs. Drives keep it in a volatile cache until they are told to flush: that is VolatileDisk.
"""
import atexit
import contextlib
import fcntl
import glob
import mmap
import os
import re
import struct
import subprocess
import time

FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
PREFIX = 'moldau-safety-'


class UnsafeTarget(Exception):
    """The directory is not on a disk made for this; nothing was done."""


def _run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _mount_source(mount_point):
    """The device mounted last at `mount_point`, or None."""
    source = None
    with open('/proc/self/mountinfo') as table:
        for line in table:
            left, right = line.split(' - ', 1)
            if left.split()[4] == mount_point:
                source = right.split()[1]
    return source


def _backing_file(device):
    try:
        with open(f'/sys/block/{os.path.basename(device)}/loop/backing_file') as file:
            return file.read().strip()
    except OSError:
        return None


def check_target(descriptor, mount_point, device, image):
    """Raises UnsafeTarget unless `descriptor` lies on `device`, mounted at `mount_point`, over
    `image`."""
    target = os.fstat(descriptor)
    if target.st_dev == os.stat('/').st_dev:
        raise UnsafeTarget(f'{mount_point} lies on the file system of /')
    if not device or _mount_source(mount_point) != device:
        raise UnsafeTarget(f'{mount_point} is no mount of {device}')
    if _backing_file(device) != image:
        raise UnsafeTarget(f'{device} is not over {image}')
    if target.st_dev != os.stat(device).st_rdev:
        raise UnsafeTarget(f'the directory given does not lie on {device}')


def _shut_down(descriptor):
    fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack('i', NO_LOG_FLUSH))


class _Cache:
    """What the page cache has of a file: after the file system is shut down nobody can read it, but what was mapped is
    there."""

    def __init__(self, path, random):
        self.random = random
        with open(path, 'rb') as file:
            self.ranges = list(self._data_of(file.fileno()))
            self.pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    @staticmethod
    def _data_of(descriptor):
        """The ranges of the file that are no holes."""
        at, size = 0, os.fstat(descriptor).st_size
        while at < size:
            try:
                at = os.lseek(descriptor, at, os.SEEK_DATA)
            except OSError:
                return    # a hole up to the end
            end = os.lseek(descriptor, at, os.SEEK_HOLE)
            yield at, end
            at = end

    def some(self):
        """[(offset, bytes)], about half of it; then it is of no more use."""
        with self.pages:
            for at, end in self.ranges:
                while at < end:
                    length = 4096 * self.random.choice((1, 1, 2, 4, 32))
                    if self.random.random() < 0.5:
                        yield at, self.pages[at:min(at + length, end)]
                    at += length


class LoopDisk:
    """Made, formatted and mounted by the constructor; `close` undoes it all, also at exit."""
    _made = 0

    def __init__(self, directory, size_mib=2048, options='defaults'):
        LoopDisk._made += 1
        name = f'{PREFIX}{os.getpid()}-{LoopDisk._made}'
        directory = os.path.realpath(directory)
        self.image, self.mount_point = f'{directory}/{name}.img', f'{directory}/{name}'
        self.device, self.options = None, options
        atexit.register(self.close)
        with open(self.image, 'wb') as file:
            file.truncate(size_mib << 20)
        _run('mkfs.ext4', '-q', '-F', '-O', 'has_journal',
             '-E', 'lazy_itable_init=1,lazy_journal_init=1', self.image)
        os.makedirs(self.mount_point)
        self.attach()

    def attach(self):
        self.device = _run('losetup', '--find', '--show', self.image)
        self.mount()

    def mount(self):
        _run('mount', '-t', 'ext4', '-o', self.options, self.device, self.mount_point)

    def sync(self):
        _run('sync', '-f', self.mount_point)

    def power_cut(self):
        """From here on nothing reaches the disk. The file system stays mounted and answers EIO."""
        with self.target() as descriptor:
            _shut_down(descriptor)

    @contextlib.contextmanager
    def target(self):
        """The descriptor that a power cut goes to."""
        descriptor = os.open(self.mount_point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            check_target(descriptor, self.mount_point, self.device, self.image)
            yield descriptor
        finally:
            os.close(descriptor)

    def remount(self):
        """Power is back: the journal is replayed. Nobody may hold a file open."""
        self._unmount()
        self.mount()

    def _unmount(self):
        for attempt in range(100):
            result = subprocess.run(['umount', self.mount_point], capture_output=True, text=True)
            if result.returncode == 0:
                return
            time.sleep(0.02)
        raise RuntimeError(f'umount {self.mount_point}: {result.stderr.strip()}')

    def detach(self):
        if _mount_source(self.mount_point):
            try:
                self._unmount()
            except RuntimeError:
                subprocess.run(['umount', '-l', self.mount_point], capture_output=True)
        if self.device:
            subprocess.run(['losetup', '-d', self.device], capture_output=True)
            self.device = None

    def close(self):
        self.detach()
        if os.path.isdir(self.mount_point):
            os.rmdir(self.mount_point)
        if os.path.exists(self.image):
            os.unlink(self.image)
        atexit.unregister(self.close)


class VolatileDisk:
    """A disk with a write cache that a power cut empties, also of what came past the page cache: a LoopDisk over a
    file on another one. The lower one's page cache is the drive's, and a flush of the upper one syncs the file."""

    def __init__(self, directory, size_mib=2048):
        # The lower one lies on a file that nothing happens to, so it needs no flushes of its own.
        self.lower = LoopDisk(directory, size_mib + size_mib // 16 + 64, 'barrier=0,lazytime')
        self.upper = LoopDisk(self.lower.mount_point, size_mib)
        self.cache = None    # what the drive writes of it is found out when the power is back
        atexit.unregister(self.upper.close)
        atexit.register(self.close)
        self.lower.sync()

    @property
    def mount_point(self):
        return self.upper.mount_point

    def sync(self):
        self.upper.sync()

    def power_cut(self, random=None):
        """With `random` the drive had written about half of its cache of its own accord, in whatever order."""
        with self.lower.target() as lower, self.upper.target() as upper:
            if random:
                self.cache = _Cache(self.upper.image, random)
            _shut_down(lower)
            _shut_down(upper)

    def remount(self):
        written = list(self.cache.some()) if self.cache else []
        self.cache = None
        self.upper.detach()
        self.lower.remount()
        with open(self.upper.image, 'r+b') as file:
            for at, data in written:
                if os.pread(file.fileno(), len(data), at) != data:
                    os.pwrite(file.fileno(), data, at)
        self.lower.sync()
        self.upper.attach()

    def close(self):
        self.cache = None
        self.upper.detach()
        self.lower.close()
        atexit.unregister(self.close)


def _left(image, device):
    disk = LoopDisk.__new__(LoopDisk)
    disk.image, disk.mount_point, disk.device = image, image[:-len('.img')], device
    return disk


def sweep(directory):
    """Takes away what earlier harnesses left in `directory` and in its folders when they were killed."""
    place = os.path.realpath(directory)
    for image in glob.glob(f'{place}/{PREFIX}*.img') + glob.glob(f'{place}/*/{PREFIX}*.img'):
        owner = re.match(rf'{PREFIX}(\d+)-', os.path.basename(image))
        if owner and os.path.exists(f'/proc/{owner[1]}'):
            continue
        disk = _left(image, _run('losetup', '-j', image).split(':')[0] or None)
        for loop in glob.glob('/sys/block/loop*'):
            device = f'/dev/{os.path.basename(loop)}'
            upper = _backing_file(device) or ''
            if upper.startswith(disk.mount_point + '/'):
                _left(upper, device).detach()
        disk.close()
