#pragma once

#include "tests/fixture/process.h"

#include <string>
#include <vector>

namespace sluice {

/// A Debian in a folder. Dropped with all that was installed there.
class Root {
public:
    explicit Root(const std::string& suite);
    ~Root();
    Root(const Root&) = delete;
    Root& operator=(const Root&) = delete;

    [[nodiscard]] std::string file(const std::string& path) const { return path_ + path; }
    /// What a command there prints; it has to go well.
    [[nodiscard]] std::string in(std::vector<std::string> command) const;
    void apt_install(const std::string& package) const;
    /// `sluice ARGUMENTS…` by the package's user.
    [[nodiscard]] fixture::ProcessOptions sluice(std::vector<std::string> arguments) const;
    /// A program there by that user, on the network that is ours, too.
    [[nodiscard]] fixture::ProcessOptions by(const std::string& user,
                                             std::vector<std::string> command) const;

private:
    std::string container_;
    std::string path_;
};

}  // namespace sluice
