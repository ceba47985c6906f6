#include "tests/demo/signals.h"
#include "tests/demo/story.h"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    using namespace sluice::demo;
    Ending ending = Ending::finish;
    for (const std::string& argument : std::vector<std::string>(argv + 1, argv + argc)) {
        if (argument == "--keep") {
            ending = Ending::keep_running;
            continue;
        }
        std::cerr << "demo: unknown argument \"" << argument << "\"; there is only --keep\n";
        return 2;
    }
    Signals signals;
    try {
        return Story(signals, ending).tell();
    } catch (const Interrupted&) {
        std::cout << "\nEnded early; nothing is left behind.\n";
        return 130;
    } catch (const std::exception& error) {
        std::cerr << "\ndemo: " << error.what() << '\n';
        return 1;
    }
}
