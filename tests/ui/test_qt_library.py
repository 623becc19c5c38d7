"""The Qt bindings that are installed keep count of what they return.

PySide6 6.12.0 lost a reference to None with every call that returns nothing; on Python 3.11 and
older that ends the process after some thousand paint calls. Requirements exclude it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

CALLS = 200
PROGRAM = """
import json, sys
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QPolygonF, QTransform
from PySide6.QtWidgets import QApplication, QWidget
app = QApplication([])
image = QImage(64, 64, QImage.Format.Format_RGB32)
painter = QPainter(image)
line = QPolygonF([QPointF(0, 0), QPointF(9, 9)])
class Window(QWidget):
    def paintEvent(self, event):
        with QPainter(self) as on_widget:
            on_widget.fillRect(QRectF(0, 0, 2, 2), QColor(1, 2, 3))
window = Window()
window.resize(16, 16)
window.show()
calls = {
    "fillRect": lambda: painter.fillRect(QRectF(0, 0, 2, 2), QColor(1, 2, 3)),
    "drawText": lambda: painter.drawText(QPointF(1, 2), "a"),
    "drawLine": lambda: painter.drawLine(QPointF(1, 2), QPointF(3, 4)),
    "drawPolyline": lambda: painter.drawPolyline(line),
    "drawImage": lambda: painter.drawImage(0, 0, QImage(4, 4, QImage.Format.Format_RGB32)),
    "drawPixmap": lambda: painter.drawPixmap(0, 0, QPixmap(4, 4)),
    "setPen": lambda: painter.setPen(QPen(QColor(1, 2, 3), 1)),
    "setBrush": lambda: painter.setBrush(Qt.BrushStyle.NoBrush),
    "setTransform": lambda: painter.setTransform(QTransform()),
    "save and restore": lambda: (painter.save(), painter.restore()),
    "paintEvent": lambda: window.repaint(),
}
changes = {}
for name, call in calls.items():
    call()
    before = sys.getrefcount(None)
    for _ in range(int(sys.argv[1])):
        call()
    changes[name] = sys.getrefcount(None) - before
painter.end()
print(json.dumps(changes))
"""


def test_paint_calls_lose_no_reference_to_none() -> None:
    child = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(CALLS)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    missing = "ImportError: lib" in child.stderr
    if missing and "VIMATTE_NEEDS_QT" not in os.environ:
        pytest.skip(f"Qt lacks a library of the system: {child.stderr.splitlines()[-1]}")
    assert child.returncode == 0, child.stderr
    changes = json.loads(child.stdout)
    assert {name: count for name, count in changes.items() if abs(count) > CALLS // 10} == {}
