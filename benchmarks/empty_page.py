"""The peer of the page benchmark: a Streamlit app with two pages and nothing on them."""

from __future__ import annotations

import streamlit as st


def first() -> None:
    st.title("First")


def second() -> None:
    st.title("Second")
    choice = st.segmented_control("Range", ["15 min", "1 h"], default="1 h", key="range")
    st.markdown(f"Range {choice}")


st.navigation([st.Page(first, title="First"), st.Page(second, title="Second")]).run()
