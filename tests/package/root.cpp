#include "tests/package/root.h"
#include "tests/fixture/source_dir.h"

#include <doctest/doctest.h>

#include <chrono>
#include <sstream>

namespace sluice {
namespace {

using namespace std::chrono_literals;

const std::string script = fixture::source_dir() + "/tests/package/root.sh";

std::string output_of(std::vector<std::string> command) {
    const fixture::RunResult result = fixture::run({.argv = std::move(command)}, 300s);
    REQUIRE_MESSAGE(result.exit_code == 0, result.out << result.err);
    return result.out;
}

}  // namespace

Root::Root(const std::string& suite) {
    std::istringstream lines(output_of({script, "new", suite}));
    std::getline(lines, container_);
    std::getline(lines, path_);
    static_cast<void>(in({"apt-get", "update", "-q"}));
}

Root::~Root() {
    fixture::run({.argv = {script, "drop", container_}}, 60s);
}

std::string Root::in(std::vector<std::string> command) const {
    command.insert(command.begin(), {script, "in", container_});
    return output_of(std::move(command));
}

void Root::apt_install(const std::string& package) const {
    static_cast<void>(in({"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y",
                          "--no-install-recommends", package}));
}

fixture::ProcessOptions Root::sluice(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "sluice");
    fixture::ProcessOptions options = by("sluice", std::move(arguments));
    options.log = file("/sluice.log");
    return options;
}

fixture::ProcessOptions Root::by(const std::string& user, std::vector<std::string> command) const {
    command.insert(command.begin(), {"chroot", "--userspec=" + user + ":" + user, path_});
    return {.argv = std::move(command)};
}

}  // namespace sluice
