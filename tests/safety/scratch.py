"""A folder for one run of a test program."""
import contextlib
import shutil
import tempfile


@contextlib.contextmanager
def scratch_folder(prefix, keep=False):
    """Makes a folder, which is gone afterwards, or kept and named."""
    folder = tempfile.mkdtemp(prefix=prefix)
    try:
        yield folder
    finally:
        if keep:
            print('kept', folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
