// The fields of described structures (domain/field.hpp) as options of a command.
#pragma once

#include "base/result.hpp"
#include "domain/batch_attributes.hpp"
#include "domain/conversion_spec.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace darkroom::app {

// What stands on the command line, by the name of the field, before it is read.
using given_words = std::map<std::string, std::vector<std::string>, std::less<>>;

// Help of fields that says more than their description, by name.
using field_help = std::map<std::string, std::string, std::less<>>;

// Adds an option for each field that has one; what is given goes to `given`, which must outlive the
// command.
void declare_spec_fields(CLI::App& command, given_words& given, const field_help& help);
void declare_attributes(CLI::App& command, given_words& given);

// Reads what was given; fields that were not keep their values. The error is a sentence for people.
base::result<void, std::string> read_fields(const given_words& given, domain::conversion_spec& to);
base::result<void, std::string> read_fields(const given_words& given, domain::batch_attributes& to);

} // namespace darkroom::app
