#pragma once

#include "config/config.h"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>

namespace sluice::registry {

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
};

/// How long whoever asks can wait.
struct Patience {
    std::chrono::steady_clock::time_point until;
    std::stop_token stop;  ///< ends it at once
};

/// There was no answer; the text says why.
class NoAnswer : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// Asks over HTTP, with TLS and credentials as [registry] says, each time on a connection of its
/// own: that is rare. From any thread.
class HttpClient {
public:
    /// Throws WrongConfiguration for certificates and keys that cannot be used.
    explicit HttpClient(const config::Registry& registry);
    ~HttpClient();

    /// `path` is added to the server's own. Throws NoAnswer, also when it takes too long.
    [[nodiscard]] HttpAnswer get(const config::Url& server, const std::string& path,
                                 const Patience& patience) const;
    /// Sends JSON there.
    [[nodiscard]] HttpAnswer post(const config::Url& server, const std::string& path,
                                  const std::string& json, const Patience& patience) const;

private:
    struct Tls;
    struct Request;
    [[nodiscard]] HttpAnswer send(const config::Url& server, Request request,
                                  const Patience& patience) const;

    const std::unique_ptr<Tls> tls_;
    const std::string authorization_;
};

}  // namespace sluice::registry
