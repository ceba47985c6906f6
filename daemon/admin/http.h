#pragma once

#include <string>

/// HTTP as routes see it; the wire is admin_server.cpp's.
namespace sluice {

struct HttpRequest {
    std::string method = "GET";  ///< "POST", or whatever it is
    std::string target;          ///< as sent: "/pipelines/orders/pause?x"
    std::string authorization{};
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    /// Further header fields, such as Allow; name and value.
    std::string field_name{};
    std::string field_value{};
};

}  // namespace sluice
