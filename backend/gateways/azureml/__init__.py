"""Azure Machine Learning through azure-ai-ml and azureml-mlflow."""
