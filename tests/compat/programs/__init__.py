"""Programs written for other libraries; run here after their imports are changed."""
