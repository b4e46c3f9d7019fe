# A service proxy on every Nomad client: nginx, run by Fairlead in one container.
#
# Unvalidated against Nomad: here it is only parsed as HCL. Run `nomad job validate` on it before you use it.
job "service-proxy" {
  datacenters = ["dc1"]
  type        = "system"

  update {
    max_parallel     = 1
    health_check     = "checks"
    min_healthy_time = "10s"
    healthy_deadline = "2m"
    auto_revert      = true
  }

  group "edge" {
    network {
      port "http" {
        static = 8080
        to     = 8080
      }
      port "admin" {
        to = 9700
      }
    }

    # What is live, for the next start while Consul is away.
    ephemeral_disk {
      size    = 300
      sticky  = true
      migrate = false
    }

    task "fairlead" {
      driver       = "docker"
      kill_signal  = "SIGTERM"
      kill_timeout = "10s"

      config {
        image           = "fairlead-nginx"
        ports           = ["http", "admin"]
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]
      }

      env {
        FAIRLEAD_CONSUL = "http://${attr.unique.network.ip-address}:8500"
        FAIRLEAD_STATE  = "${NOMAD_ALLOC_DIR}/data/fairlead"
        FAIRLEAD_ADMIN  = "0.0.0.0:9700"
      }

      # FAIRLEAD_TOKEN: an admin address that others reach needs one.
      template {
        destination = "secrets/fairlead.env"
        env         = true
        data        = "FAIRLEAD_TOKEN={{ with nomadVar \"nomad/jobs/service-proxy\" }}{{ .token }}{{ end }}\n"
      }

      service {
        name = "service-proxy"
        port = "http"
        tags = ["route.expose=false"]

        check {
          type     = "http"
          port     = "admin"
          path     = "/ready"
          interval = "5s"
          timeout  = "3s"
        }
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
