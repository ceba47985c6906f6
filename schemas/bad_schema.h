#pragma once

#include <stdexcept>

namespace sluice::schemas {

/// A schema's text means nothing. The text says where in the schema, and why.
class BadSchema : public std::runtime_error {
    using runtime_error::runtime_error;
};

}  // namespace sluice::schemas
