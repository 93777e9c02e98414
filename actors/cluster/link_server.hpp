// The server's side of the links: listens, asks for certificates, greets, and hands each link that
// is let in to the actor system's Unix socket. One thread. Strangers cost it a deadline and a
// place among few, nothing else.
#pragma once

#include "actors/cluster/link_table.hpp"
#include "base/result.hpp"

#include <functional>
#include <memory>
#include <string>

namespace darkroom::actors {

struct link_server_options {
  std::string listen; // HOST:PORT
  std::string folder; // of the cluster's authority
  std::string door;   // path of the Unix socket of the actor system
  std::shared_ptr<link_table> links;
  std::string actor_node;                                  // who that actor system is
  std::uint64_t input_bytes_max = 0, image_pixels_max = 0; // told to workers
  // From its thread.
  std::function<void(const std::string&)> announce;
  std::function<void(const std::string& name, const std::string& why)> isolate;
};

class link_server {
public:
  // Listens when it returns.
  static base::result<std::unique_ptr<link_server>, std::string> start(link_server_options options);
  ~link_server(); // ends all links

  std::string address() const; // HOST:PORT
  // Connections that were not let in.
  std::uint64_t refused() const;

private:
  struct parts;
  explicit link_server(std::shared_ptr<parts> made) : parts_(std::move(made)) {}
  std::shared_ptr<parts> parts_;
};

} // namespace darkroom::actors
