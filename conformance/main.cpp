#include "conformance/certify.h"
#include "conformance/words.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <csignal>
#include <iostream>

namespace {

using namespace sluice::conformance;

std::atomic<bool> stop = false;
static_assert(std::atomic<bool>::is_always_lock_free);

/// What a run that ends now leaves behind; null: nothing.
std::atomic<const std::string*> to_drop = nullptr;
static_assert(std::atomic<const std::string*>::is_always_lock_free);

void note_made(const std::vector<std::string>& statements) {
    static std::string text;
    to_drop = nullptr;
    text = "sluice-conformance: ended at once; left behind, to be dropped by hand:\n";
    for (const std::string& statement : statements) text += "  " + statement + ";\n";
    if (!statements.empty()) to_drop = &text;
}

/// The case that runs comes to its end, and what was made is dropped; the second time it is over.
void on_signal(int) {
    if (!stop.exchange(true)) return;
    if (const std::string* const text = to_drop)
        static_cast<void>(!write(STDERR_FILENO, text->data(), text->size()));
    _exit(used_wrongly);
}

void stop_on_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

void print(const Result& result, double seconds) {
    std::cerr << result.group << ": " << result.name << ": " << describe(result) << " ("
              << static_cast<int>(seconds * 1000) << " ms)\n";
}

int run(const Words& words) {
    Request request{.dsn = words.dsn,
                    .only = words.only,
                    .segments = words.segments,
                    .on_result = print,
                    .on_made = note_made,
                    .stop = &stop};
    const Certificate certificate = certify(request);
    print_table(std::cout, certificate.server, certificate.results);
    std::cerr << '\n' << certificate.server << ": " << sums_of(certificate.results) << '\n';
    for (const std::string& name : certificate.of_others)
        std::cerr << "left by another run, or still used by it: database " << name << '\n';
    for (const std::string& statement : certificate.left_behind)
        std::cerr << "left behind: " << statement << '\n';
    if (stop) std::cerr << "stopped before the end\n";
    return exit_code_of(certificate, stop);
}

}  // namespace

int main(int argc, char** argv) {
    const auto words = read_words({argv + 1, argv + argc});
    if (const auto* problem = std::get_if<std::string>(&words)) {
        std::cerr << "sluice-conformance: " << *problem << '\n';
        return used_wrongly;
    }
    if (const auto* text = std::get_if<Text>(&words)) {
        std::cout << text->text;
        return certified;
    }
    // The table alone goes to standard output.
    spdlog::set_default_logger(spdlog::stderr_logger_mt("sluice-conformance"));
    stop_on_signals();
    try {
        return run(std::get<Words>(words));
    } catch (const std::exception& error) {
        std::cerr << "sluice-conformance: " << error.what() << '\n';
        return used_wrongly;
    }
}
