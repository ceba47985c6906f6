# cmake -DFOLDER=… -DOUTPUT=… -P embed.cmake: the page as one C++ source.
cmake_minimum_required(VERSION 3.25)
file(READ ${FOLDER}/page.html page)
file(READ ${FOLDER}/page.css style)
file(READ ${FOLDER}/page.js script)
string(REPLACE "@style@" "${style}" page "${page}")
string(REPLACE "@script@" "${script}" page "${page}")
# Compilers limit the length of one literal; pieces side by side are one.
string(LENGTH "${page}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${page}" ${at} 4000 piece)
  string(APPEND pieces "R\"~~~(${piece})~~~\"\n")
  math(EXPR at "${at} + 4000")
endwhile()
file(WRITE ${OUTPUT} "#include \"daemon/admin/status_page.h\"

namespace sluice {

const std::string_view status_page = ${pieces};

}  // namespace sluice
")
