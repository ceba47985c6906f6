#include "config/sections/sections.h"
#include "config/text/address.h"

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

}  // namespace

Admin read_admin(TableReader section) {
    constexpr std::size_t shortest_token = 16;
    Admin admin;
    if (const auto listen = section.text("listen", "\"127.0.0.1:9187\"")) {
        if (listen->text.empty() || is_address(listen->text)) {
            admin.listen = listen->text;
        } else {
            section.problem(listen->at, "\"listen\": " + listen->shown +
                                            " is not host:port; write \"127.0.0.1:9187\", "
                                            "\"[::1]:9187\", or \"\" for no admin server");
        }
    }
    if (const auto token = section.text("token", "{ file = \"/run/secrets/sluice-token\" }")) {
        admin.token = {.text = token->text, .secret = true};
        if (token->text.size() < shortest_token) {
            section.problem(token->at, "\"token\" is shorter than " +
                                           std::to_string(shortest_token) +
                                           " characters; take a random one, such as openssl rand "
                                           "-hex 32 prints");
        }
    }
    section.duration("stuck_after", "\"1m\"", {1s, 24h}, admin.stuck_after);
    section.finish();
    return admin;
}

}  // namespace sluice::config
