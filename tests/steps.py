"""The steps of `./dev test`, in order; see run.py for what a step is."""
from run import step_build, step_script, step_units


def STEPS(deep):
    return [
        ('build-release', step_build('release')),
        ('layers', step_script('tests/layers/layers.py')),
        ('unit-release', step_units('release')),
    ]
