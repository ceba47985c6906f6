#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sluice {

/// Ctrl-C, or SIGTERM.
struct Interrupted {};

/// A file, or standard input for "-". While there is one, the first SIGINT or SIGTERM ends the read
/// that waits, or the next one; the second ends the process. One at a time.
class InputFile {
public:
    /// Throws WrongConfiguration when it cannot be opened.
    explicit InputFile(const std::string& name);
    ~InputFile();
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    /// Up to `size` bytes; 0 is the end. Throws Interrupted, TroubleOfTheWorld.
    [[nodiscard]] std::size_t read(char* to, std::size_t size);
    /// Of a file; of a stream nobody knows.
    [[nodiscard]] std::optional<std::int64_t> size() const { return size_; }
    [[nodiscard]] static bool interrupted();

private:
    const std::string name_;
    int descriptor_ = 0;
    std::optional<std::int64_t> size_;
};

}  // namespace sluice
