# The files of `make release`, uploaded and deployed by Terraform. CloudFormation keeps the single resources.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "release" {
  type        = string
  default     = "../../dist"
  description = "Folder that `make release` wrote."
}

variable "bucket" {
  type        = string
  description = "Bucket of your own in the region of the stack."
}

variable "emails" {
  type        = list(string)
  description = "Recipients; each must confirm once."
}

variable "schedule_minutes" {
  type    = number
  default = 15
}

variable "slack_webhook_parameter" {
  type        = string
  default     = ""
  description = "SSM parameter with the address of a Slack webhook. Empty: no Slack."
}

resource "aws_s3_object" "function" {
  bucket = var.bucket
  key    = "ses-reputation/${filesha256("${var.release}/function.zip")}.zip"
  source = "${var.release}/function.zip"

  lifecycle {
    create_before_destroy = true # a stack that rolls back still needs the old one
  }
}

resource "aws_cloudformation_stack" "monitor" {
  name          = "SesReputation"
  template_body = file("${var.release}/template.json")
  capabilities  = ["CAPABILITY_IAM"]

  parameters = {
    Emails                = join(",", var.emails)
    ScheduleMinutes       = var.schedule_minutes
    SlackWebhookParameter = var.slack_webhook_parameter
    CodeBucket            = aws_s3_object.function.bucket
    CodeKey               = aws_s3_object.function.key
  }
}

output "monitor" {
  value = aws_cloudformation_stack.monitor.outputs
}
