"""What readers see: tables, workbook, figures."""
