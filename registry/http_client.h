#pragma once

#include "config/config.h"

#include <memory>
#include <stdexcept>
#include <string>

namespace sluice::registry {

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
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
    [[nodiscard]] HttpAnswer get(const config::Url& server, const std::string& path) const;
    /// Sends JSON there.
    [[nodiscard]] HttpAnswer post(const config::Url& server, const std::string& path,
                                  const std::string& json) const;

private:
    struct Tls;
    struct Request;
    [[nodiscard]] HttpAnswer send(const config::Url& server, Request request) const;

    const std::unique_ptr<Tls> tls_;
    const std::string authorization_;
    const std::chrono::milliseconds patience_;
};

}  // namespace sluice::registry
