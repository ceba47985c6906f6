#include "daemon/commands/produce/input_file.h"

#include "pipeline/errors.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice {
namespace {

volatile sig_atomic_t interrupts = 0;

void on_signal(int) {
    interrupts = 1;
}

/// Without SA_RESTART, so that a read() that waits ends.
void listen_to(int signal) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESETHAND;
    ::sigaction(signal, &action, nullptr);
}

}  // namespace

InputFile::InputFile(const std::string& name) : name_(name == "-" ? "<stdin>" : name) {
    if (name != "-") {
        descriptor_ = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor_ < 0) {
            throw WrongConfiguration(name + ": cannot be read: " + std::strerror(errno));
        }
    }
    struct stat about {};
    if (::fstat(descriptor_, &about) == 0 && S_ISREG(about.st_mode)) size_ = about.st_size;
    interrupts = 0;
    listen_to(SIGINT);
    listen_to(SIGTERM);
}

InputFile::~InputFile() {
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

std::size_t InputFile::read(char* to, std::size_t size) {
    for (;;) {
        if (interrupted()) throw Interrupted();
        const ssize_t count = ::read(descriptor_, to, size);
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR) {
            throw TroubleOfTheWorld(name_ + ": cannot be read: " + std::strerror(errno));
        }
    }
}

bool InputFile::interrupted() {
    return interrupts != 0;
}

}  // namespace sluice
