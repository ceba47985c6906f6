#pragma once

#include <array>
#include <ios>
#include <iostream>
#include <streambuf>
#include <system_error>

namespace sluice {

/// Standard output took no more; the command's result is not where it was asked for.
class OutputFailed : public std::system_error {
public:
    explicit OutputFailed(int error)
        : std::system_error(error, std::generic_category(), "standard output cannot be written") {}

    /// Somebody at a terminal left the pager, or has seen enough: nothing went wrong.
    [[nodiscard]] bool reader_left() const;
};

/// What std::cout writes to for as long as this lives: a write that fails throws OutputFailed out
/// of the command, whichever it is, and what is written after that is dropped. A process has one;
/// used by one thread.
class StandardOutput : public std::streambuf {
public:
    StandardOutput();
    ~StandardOutput() override;
    StandardOutput(const StandardOutput&) = delete;
    StandardOutput& operator=(const StandardOutput&) = delete;

    /// Everything is out when it returns: some file systems say only now that there is no room.
    void close();

private:
    int_type overflow(int_type c) override;
    int sync() override;

    std::array<char, 1 << 16> buffer_{};
    bool failed_ = false;
    std::streambuf* const before_ = std::cout.rdbuf();
};

}  // namespace sluice
