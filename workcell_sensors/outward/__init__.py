"""The cell as the plant sees it: by the protocols that historians, MES and SCADA speak."""
