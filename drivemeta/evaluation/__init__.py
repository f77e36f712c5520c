"""How well a detector does: COCO AP, operating points and the few-shot protocol."""
