# Writes OUT, a C file with every file of FILES as bytes, in the table TABLE ended by a null name:
#   const struct sanl_source TABLE[] = {{"conv2d", bytes, count}, ..., {0}};
set(text "/* Made by cmake/embed.cmake. */\n#include \"device/source.h\"\n")
set(table "const struct sanl_source ${TABLE}[] = {\n")
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
