# The bindings import libllama and ggml only. llama.cpp's "common" library (argument parsing, HTTP client, chat
# parsers) is half of the compile time and nothing in Python can reach it.
set(LLAMA_BUILD_COMMON OFF)
