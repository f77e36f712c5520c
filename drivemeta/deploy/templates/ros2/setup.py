"""Installs the package; colcon runs it."""

from setuptools import setup

PACKAGE = "drivemeta_detector"
setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        (f"share/{PACKAGE}/launch", ["launch/detect.launch.py"]),
        (f"share/{PACKAGE}/models", ["models/model.onnx"]),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    license="Apache-2.0",
    description="Detection by a model of DriveMeta",
    entry_points={"console_scripts": [f"detector = {PACKAGE}.node:main"]},
)
