"""Workflow: chains of calls over an office's files, calendar, mail, stock, weather and sheets, with tools that fail.

office   the rows of one task's world      tools    what acts on them          faults   when and how tools fail
short, middle, long   templates by tier    draft    what a template draws      suite    tasks from templates
"""
