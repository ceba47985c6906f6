# cmake -DSOURCE=FILE -DNAME=x -DHEADER=x.h -DVERSION=… -DRUNBOOK=FILE -DOUTPUT=… -P embed.cmake: the
# file's text as `const std::string_view x` in one C++ source. "@version@" in it stands for what is
# known when it is built, "@page.css@" and "@page.js@" of a page for files beside it, and "@runbook@"
# for the chapter "Alerts", the last one of RUNBOOK.
cmake_minimum_required(VERSION 3.25)
file(READ ${SOURCE} text)
string(REPLACE "@version@" "${VERSION}" text "${text}")
cmake_path(GET SOURCE PARENT_PATH folder)
file(GLOB parts ${folder}/*.css ${folder}/*.js)
foreach(part ${parts})
  cmake_path(GET part FILENAME name)
  file(READ ${part} content)
  string(REPLACE "@${name}@" "${content}" text "${text}")
endforeach()
file(READ ${RUNBOOK} runbook)
string(FIND "${runbook}" "\n## Alerts\n" at)
string(SUBSTRING "${runbook}" ${at} -1 runbook)
string(REPLACE "@runbook@" "${runbook}" text "${text}")
# Compilers limit the length of one literal; pieces side by side are one.
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 4000 piece)
  string(APPEND pieces "R\"~~~(${piece})~~~\"\n")
  math(EXPR at "${at} + 4000")
endwhile()
file(WRITE ${OUTPUT} "#include \"${HEADER}\"

namespace sluice {

const std::string_view ${NAME} = ${pieces};

}  // namespace sluice
")
