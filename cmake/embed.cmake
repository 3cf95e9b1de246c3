# Writes OUT, a C file with every kernel source of FILES as bytes, in a table ended by a null name:
#   const struct sanl_source sanl_sources[] = {{"conv2d", bytes, count}, ..., {0}};
set(text "/* Made by cmake/embed.cmake from cl/. */\n#include \"device/source.h\"\n")
set(table "const struct sanl_source sanl_sources[] = {\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} hex HEX)
  string(LENGTH "${hex}" length)
  math(EXPR count "${length} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)"
                       "\\1\n" bytes "${bytes}")
  string(APPEND text "static const unsigned char source_${name}[] = {\n${bytes}0};\n")
  string(APPEND table "    {\"${name}\", (const char *)source_${name}, ${count}},\n")
endforeach()
string(APPEND table "    {0, 0, 0},\n};\n")
file(WRITE ${OUT} "${text}${table}")
