#include "daemon/commands/terminal/standard_output.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace sluice {

bool OutputFailed::reader_left() const {
    return code().value() == EPIPE && ::isatty(STDERR_FILENO) == 1;
}

StandardOutput::StandardOutput() {
    ::signal(SIGPIPE, SIG_IGN);
    // Closed by whoever started us: a socket must not become what we print to. This one refuses.
    if (::fcntl(STDOUT_FILENO, F_GETFD) == -1) {
        const int refusing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (refusing != STDOUT_FILENO) ::dup2(refusing, STDOUT_FILENO);
    }
    setp(buffer_.begin(), buffer_.end());
    std::cout.rdbuf(this);
    // Streams swallow what a buffer throws, unless they are told not to.
    std::cout.exceptions(std::ios::badbit);
}

StandardOutput::~StandardOutput() {
    std::cout.exceptions(std::ios::goodbit);
    std::cout.rdbuf(before_);
}

void StandardOutput::close() {
    pubsync();
    if (!failed_ && ::close(STDOUT_FILENO) != 0 && errno != EBADF) throw OutputFailed(errno);
}

StandardOutput::int_type StandardOutput::overflow(int_type c) {
    sync();
    if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
}

int StandardOutput::sync() {
    const char* next = pbase();
    const char* const end = pptr();
    setp(buffer_.begin(), buffer_.end());
    while (next != end && !failed_) {
        const ssize_t written = ::write(STDOUT_FILENO, next, static_cast<std::size_t>(end - next));
        if (written >= 0) {
            next += written;
        } else if (errno != EINTR) {
            failed_ = true;
            // Whoever tells of it would flush this stream first, which throws anew.
            std::cerr.tie(nullptr);
            throw OutputFailed(errno);
        }
    }
    return 0;
}

}  // namespace sluice
